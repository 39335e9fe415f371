#include "holdfast/core/protocol/base64.h"

#include <gtest/gtest.h>

#include <random>

namespace holdfast::protocol {
namespace {

Bytes random_bytes(std::mt19937& random, std::size_t count) {
  Bytes out(count);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

TEST(Base64, has_the_texts_of_rfc_4648) {
  EXPECT_EQ(base64_encode({}), "");
  EXPECT_EQ(base64_encode(view_of("f")), "Zg==");
  EXPECT_EQ(base64_encode(view_of("fo")), "Zm8=");
  EXPECT_EQ(base64_encode(view_of("foo")), "Zm9v");
  EXPECT_EQ(base64_encode(view_of("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64url_encode(view_of("f")), "Zg");
  EXPECT_EQ(base64url_encode(view_of("fo")), "Zm8");
}

TEST(Base64, has_two_alphabets_that_do_not_mix) {
  const Bytes bytes = {0xfb, 0xff, 0xbf};
  EXPECT_EQ(base64_encode(bytes), "+/+/");
  EXPECT_EQ(base64url_encode(bytes), "-_-_");
  EXPECT_FALSE(base64_decode("-_-_"));
  EXPECT_FALSE(base64url_decode("+/+/"));
}

TEST(Base64, brings_back_what_went_in) {
  std::mt19937 random(1);
  for (std::size_t length = 0; length < 300; ++length) {
    const Bytes bytes = random_bytes(random, length);
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    EXPECT_EQ(base64_encode(bytes).size() % 4, 0u);
  }
}

TEST(Base64, of_headers_needs_exactly_its_padding) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "=", "==", "===", "====", "Z===", "Zm9v====", "Zm9v=", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(text)) << text;
  }
}

TEST(Base64, of_nurls_has_no_padding) {
  EXPECT_FALSE(base64url_decode("Zg=="));
  EXPECT_FALSE(base64url_decode("Zm8="));
  EXPECT_FALSE(base64url_decode("Zm9vY")) << "no bytes have five characters";
}

TEST(Base64, refuses_stray_bits_so_that_every_value_has_one_text) {
  EXPECT_FALSE(base64_decode("Zh=="));
  EXPECT_FALSE(base64_decode("Zm9="));
  EXPECT_FALSE(base64url_decode("Zh"));
  EXPECT_FALSE(base64url_decode("Zm9"));
}

TEST(Base64, does_not_skip_foreign_characters_as_lenient_decoders_do) {
  for (const char* text : {"Zm 9v", " Zm9", "Zm9\n", "Zm9v\r\n\r\n", "Zm9*", "Zm9\x80"})
    EXPECT_FALSE(base64_decode(text));
  EXPECT_FALSE(base64_decode(std::string_view("Zm\0v", 4)));
}

}  // namespace
}  // namespace holdfast::protocol
