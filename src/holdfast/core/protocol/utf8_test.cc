#include "holdfast/core/protocol/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::protocol {
namespace {

/// As the definition has it, without a thought: the value behind the bits, and the shortest form of it.
std::string encoded(std::uint32_t code, std::size_t bytes) {
  if (bytes == 1) return std::string(1, static_cast<char>(code));
  std::string out(bytes, '\0');
  for (std::size_t i = bytes; i-- > 1; code >>= 6) out[i] = static_cast<char>(0x80 | (code & 0x3f));
  out[0] = static_cast<char>(((0xf00 >> bytes) & 0xff) | code);
  return out;
}

std::size_t shortest(std::uint32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

TEST(Utf8, has_every_character_in_its_shortest_form_and_no_surrogates) {
  for (std::uint32_t code = 0; code < 0x200000; ++code) {
    const bool exists = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    ASSERT_EQ(is_utf8(encoded(code, shortest(code))), exists) << std::hex << code;
    for (std::size_t longer = shortest(code) + 1; longer <= 4; ++longer) {
      ASSERT_FALSE(is_utf8(encoded(code, longer))) << std::hex << code << " in " << longer;
    }
  }
}

TEST(Utf8, has_whole_characters_only) {
  for (const char* text :
       {"", "a", "gr\xc3\xbcn", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text :
       {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xbc", "a\x80", "\xc3z", "\xe2\x82z", "\xf0\x9f\x98z", "\xe2z\xac",
        "\xc3\xc3\xbc", "\xff", "\xfe", "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(std::string(text));
  }
  EXPECT_TRUE(is_utf8(std::string_view("a\0b", 3))) << "NUL is a character";
}

}  // namespace
}  // namespace holdfast::protocol
