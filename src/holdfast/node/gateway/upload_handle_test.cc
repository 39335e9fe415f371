#include "holdfast/node/gateway/upload_handle.h"

#include <gtest/gtest.h>

#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/node/gateway/joined_files.h"
#include "support/seeded_random.h"

namespace holdfast::gateway {
namespace {

UploadAbout an_about() {
  UploadAbout about;
  about.dialect = UploadAbout::Dialect::tus;
  about.metadata = "filename \xff not UTF-8";
  about.name = "a/../b";
  about.media_type = "text/plain";
  about.sha256 = crypto::sha256(view_of("x"));
  about.sha512 = Bytes(64, 5);
  about.partial = true;
  about.parts = {"one", "two", "one"};
  return about;
}

void expect_same(const UploadAbout& a, const UploadAbout& b) {
  EXPECT_EQ(a.dialect, b.dialect);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.media_type, b.media_type);
  EXPECT_EQ(a.sha256, b.sha256);
  EXPECT_EQ(a.sha512, b.sha512);
  EXPECT_EQ(a.partial, b.partial);
  EXPECT_EQ(a.parts, b.parts);
}

TEST(UploadAbout, is_read_as_it_was_written) {
  expect_same(decode_upload_about(encode(an_about())).value(), an_about());
  expect_same(decode_upload_about(encode(UploadAbout{})).value(), UploadAbout{});
}

TEST(UploadAbout, has_digests_of_their_own_length_only) {
  UploadAbout about = an_about();
  about.sha512.pop_back();
  EXPECT_FALSE(decode_upload_about(encode(about)).has_value());
}

TEST(UploadAbout, cut_anywhere_it_is_none) {
  const Bytes bytes = encode(an_about());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_upload_about(ByteView(bytes).first(size)).has_value()) << size;
}

TEST(UploadResult, is_read_as_it_was_written_and_cut_anywhere_is_none) {
  const UploadResult result{"URI:LIT:", 7, crypto::sha256(view_of("y")), 3};
  const Bytes bytes = encode(result);
  const UploadResult again = decode_upload_result(bytes).value();
  EXPECT_EQ(std::tie(again.cap, again.size, again.sha256, again.seconds),
            std::tie(result.cap, result.size, result.sha256, result.seconds));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_upload_result(ByteView(bytes).first(size)).has_value()) << size;
}

class JoinedFilesTest : public testing::Test {
 protected:
  void make(const std::string& path, std::string_view content) {
    const auto file = disk.open(path, io::Open::create).value();
    ASSERT_TRUE(file->write(0, view_of(content)).has_value());
  }
  std::string read(std::uint64_t offset, std::size_t count) {
    Bytes out(count);
    const auto file = files.open("/whole", io::Open::read).value();
    out.resize(file->read(offset, out).value());
    return std::string(text_of(out));
  }
  holdfast::test::SeededRandom random{1};
  io::MemoryFileSystem disk{random};
  JoinedFiles files{disk};
};

TEST_F(JoinedFilesTest, read_as_one_from_any_place_in_any_length) {
  make("/a", "abc");
  make("/b", "d");
  make("/c", "efghij");
  files.join("/whole", {{"/a", 3}, {"/b", 1}, {"/c", 6}, {"/a", 3}});
  const std::string whole = "abcdefghijabc";
  EXPECT_EQ(files.info("/whole").value().size, whole.size());
  for (std::size_t at = 0; at <= whole.size() + 1; ++at) {
    for (std::size_t count = 0; count <= whole.size() + 1; ++count)
      ASSERT_EQ(read(at, count), at > whole.size() ? "" : whole.substr(at, count)) << at << " " << count;
  }
}

TEST_F(JoinedFilesTest, nothing_is_written_through_them_and_a_lost_part_is_an_error) {
  make("/a", "abc");
  make("/b", "def");
  files.join("/whole", {{"/a", 3}, {"/b", 3}});
  const auto file = files.open("/whole", io::Open::read).value();
  EXPECT_FALSE(file->write(0, view_of("x")).has_value());
  EXPECT_FALSE(file->truncate(0).has_value());
  ASSERT_TRUE(disk.unlink("/b").has_value());
  Bytes out(6);
  EXPECT_FALSE(file->read(0, out).has_value());
  EXPECT_FALSE(files.open("/whole", io::Open::read).has_value());
  files.part("/whole");
  EXPECT_EQ(files.open("/whole", io::Open::read).error().code, Errc::not_found) << "an ordinary name again";
  EXPECT_TRUE(files.open("/a", io::Open::read).has_value());
}

TEST_F(JoinedFilesTest, have_the_lengths_they_were_joined_with) {
  make("/a", "abc");
  make("/b", "def");
  files.join("/whole", {{"/a", 2}, {"/b", 3}});
  EXPECT_EQ(read(0, 6), "abdef") << "what lies behind them does not count";
  ASSERT_TRUE(disk.open("/b", io::Open::write).value()->truncate(2).has_value());
  EXPECT_EQ(files.open("/whole", io::Open::read).error().code, Errc::corrupt);
  EXPECT_EQ(files.info("/whole").error().code, Errc::corrupt);
}

}  // namespace
}  // namespace holdfast::gateway
