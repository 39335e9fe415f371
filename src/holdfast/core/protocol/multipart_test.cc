#include "holdfast/core/protocol/multipart.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

using Kind = MultipartReader::Event::Kind;

struct Part {
  std::string name, file_name, media_type, content;
  bool operator==(const Part&) const = default;
};

/// The form as it comes: first so many bytes, then `step` at a time.
Result<std::vector<Part>> read(const std::string& form, std::size_t first, std::size_t step) {
  MultipartReader reader("XX");
  std::vector<Part> out;
  std::string held = form.substr(0, first);
  for (std::size_t at = held.size();;) {
    HF_TRY(const MultipartReader::Event event, reader.next(view_of(held), at == form.size()));
    if (event.kind == Kind::part) out.push_back({reader.name(), reader.file_name(), reader.media_type(), ""});
    if (event.kind == Kind::content) out.back().content += text_of(event.bytes);
    if (event.kind == Kind::end) return out;
    held.erase(0, event.used);
    if (event.kind != Kind::need_more) continue;
    const std::string more = form.substr(at, step);
    at += more.size();
    held += more;
  }
}

const std::string kTricky = "\r\n--X\r\n--\r\r\n\r\n-XX\n--XX--\r\n--Y\r";
const std::string kForm =
    "--XX\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\nupload\r\n"
    "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a b.txt\"\r\nContent-Type: text/plain\r\n\r\n" +
    kTricky + "\r\n--XX\r\n\r\n\r\n--XX--\r\nnothing of this matters";
const std::vector<Part> kParts{{"t", "", "", "upload"}, {"file", "a b.txt", "text/plain", kTricky}, {"", "", "", ""}};

TEST(Multipart, a_form_split_anywhere_is_the_same_form) {
  for (std::size_t first = 0; first <= kForm.size(); ++first) {
    for (const std::size_t step : {kForm.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}})
      ASSERT_EQ(read(kForm, first, step).value(), kParts) << first << " then by " << step;
  }
}

TEST(Multipart, a_form_that_ends_early_is_none) {
  const std::size_t whole = kForm.find("--XX--\r\nnothing") + 6;
  for (std::size_t size = 0; size < whole; ++size)
    ASSERT_FALSE(read(kForm.substr(0, size), size, 1).has_value()) << size;
  EXPECT_TRUE(read(kForm.substr(0, whole), whole, 1).has_value());
}

TEST(Multipart, framing_is_strict_and_bounded) {
  for (const std::string& bad :
       {std::string("preamble") + kForm, std::string("\r\n") + kForm, std::string("--XX \r\n\r\n\r\n--XX--"),
        std::string("--XX\n\n\n--XX--"), std::string("--XX\r\n\r\nabc\r\n--XXY"), std::string("--YY--"),
        "--XX\r\nA: " + std::string(9'000, 'a') + "\r\n\r\n\r\n--XX--"})
    EXPECT_FALSE(read(bad, bad.size(), 1).has_value()) << bad.substr(0, 40);
  std::string many;
  for (int i = 0; i < 1'000; ++i) many += "--XX\r\n\r\n\r\n";
  EXPECT_EQ(read(many + "--XX--", many.size(), 99).value().size(), 1'000u);
  EXPECT_FALSE(read(many + "--XX\r\n\r\n\r\n--XX--", many.size(), 99).has_value());
}

TEST(Multipart, boundaries) {
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc").value(), "abc");
  EXPECT_EQ(multipart_boundary("Multipart/Form-Data;charset=x; boundary=\"a b:c\"").value(), "a b:c");
  EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'x')).value().size(), 70u);
  for (const std::string& bad :
       {std::string(), std::string("multipart/form-data"), std::string("multipart/form-data; boundary="),
        std::string("multipart/mixed; boundary=a"), std::string("text/plain; boundary=a"),
        "multipart/form-data; boundary=" + std::string(71, 'x')})
    EXPECT_FALSE(multipart_boundary(bad).has_value()) << bad;
}

}  // namespace
}  // namespace holdfast::protocol
