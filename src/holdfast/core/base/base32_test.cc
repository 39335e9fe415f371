#include "holdfast/core/base/base32.h"

#include <gtest/gtest.h>

#include <random>

#include "support/vectors.h"

namespace holdfast {
namespace {

TEST(Base32, encodes_and_decodes_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "base32")) {
    const Bytes bytes = test::hex_field(each, "hex");
    const std::string text = test::text(each, "text");
    EXPECT_EQ(base32_encode(bytes), text);
    const auto decoded = base32_decode(text);
    ASSERT_TRUE(decoded) << text;
    EXPECT_EQ(*decoded, bytes);
  }
}

TEST(Base32, encodes_what_real_nodes_recorded) {
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!derivations) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*derivations, "base32")) {
    EXPECT_EQ(base32_encode(test::hex_field(each, "in_hex")), test::text(each, "out"));
  }
}

TEST(Base32, accepts_exactly_the_last_characters_of_the_table) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";
  const struct {
    std::size_t characters;
    std::string_view allowed;
  } rows[] = {{2, "aeimquy4"}, {4, "aq"}, {5, "acegikmoqsuwy246"}, {7, "aiqy"}, {8, kAlphabet}};
  for (const auto& row : rows) {
    for (char last : kAlphabet) {
      const std::string text = std::string(row.characters - 1, 'a') + last;
      EXPECT_EQ(base32_decode(text).has_value(), row.allowed.find(last) != std::string_view::npos) << text;
    }
  }
}

TEST(Base32, rejects_every_character_outside_the_alphabet_at_every_place) {
  for (int value = 0; value < 256; ++value) {
    const char c = static_cast<char>(value);
    const bool fine = (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
    for (std::size_t at = 0; at < 8; ++at) {
      std::string text = "aaaaaaaa";
      text[at] = c;
      EXPECT_EQ(base32_decode(text).has_value(), fine) << value << " at " << at;
    }
  }
}

TEST(Base32, rejects_impossible_lengths) {
  for (std::size_t length = 0; length < 40; ++length) {
    const bool fine = length % 8 != 1 && length % 8 != 3 && length % 8 != 6;
    const auto decoded = base32_decode(std::string(length, 'a'));
    ASSERT_EQ(decoded.has_value(), fine) << length;
    if (!decoded) {
      EXPECT_EQ(decoded.error().code, Errc::malformed);
    }
  }
}

TEST(Base32, rejects_ids_of_another_width) {
  const std::string sixteen = base32_encode(Bytes(16, 7));
  EXPECT_TRUE(base32_decode_id<StorageIndex>(sixteen));
  EXPECT_FALSE(base32_decode_id<Hash>(sixteen));
  EXPECT_FALSE(base32_decode_id<StorageIndex>(base32_encode(Bytes(17, 7))));
  EXPECT_EQ(to_string(*base32_decode_id<StorageIndex>(sixteen)), sixteen);
}

TEST(Base32, gives_back_any_bytes) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; ++round) {
    Bytes bytes(random() % 100);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const auto decoded = base32_decode(base32_encode(bytes));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, bytes);
  }
}

}  // namespace
}  // namespace holdfast
