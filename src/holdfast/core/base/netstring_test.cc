#include "holdfast/core/base/netstring.h"

#include <gtest/gtest.h>

#include "support/vectors.h"

namespace holdfast {
namespace {

constexpr std::size_t kAnyLength = 1'000'000;

Errc error_of(std::string_view text, std::size_t value_bytes_max = kAnyLength) {
  NetstringReader reader(view_of(text));
  const auto value = reader.next(value_bytes_max);
  EXPECT_FALSE(value) << text;
  EXPECT_EQ(text_of(reader.rest()), text) << "an error must not move the reader";
  return value ? Errc::io : value.error().code;
}

TEST(Netstring, writes_and_reads_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!primitives || !derivations) GTEST_SKIP() << test::kNoVectors;
  const auto check = [](const Bytes& value, const Bytes& encoded) {
    EXPECT_EQ(netstring(value), encoded);
    NetstringReader reader(encoded);
    const auto read = reader.next(value.size());
    ASSERT_TRUE(read);
    EXPECT_TRUE(equal(*read, value));
    EXPECT_TRUE(reader.at_end());
  };
  for (const auto& each : test::list(*primitives, "netstring")) {
    check(test::hex_field(each, "hex"), test::hex_field(each, "encoded_hex"));
  }
  for (const auto& each : test::list(*derivations, "netstring")) {
    check(test::hex_field(each, "in_hex"), test::hex_field(each, "out_hex"));
  }
}

TEST(Netstring, writes_the_examples_of_the_specification) {
  EXPECT_EQ(text_of(netstring(view_of("hello"))), "5:hello,");
  EXPECT_EQ(text_of(netstring({})), "0:,");
}

TEST(Netstring, appends_behind_what_is_there) {
  Bytes out = to_bytes("x");
  append_netstring(out, view_of("ab"));
  append_netstring(out, {});
  EXPECT_EQ(text_of(out), "x2:ab,0:,");
}

TEST(NetstringReader, reads_one_after_another_and_leaves_the_rest) {
  NetstringReader reader(view_of("2:ab,0:,3:,:,,rest"));
  EXPECT_EQ(text_of(reader.next(9).value()), "ab");
  EXPECT_EQ(text_of(reader.next(9).value()), "");
  EXPECT_EQ(text_of(reader.next(9).value()), ",:,");
  EXPECT_EQ(text_of(reader.rest()), "rest");
}

TEST(NetstringReader, reads_words_between_netstrings) {
  NetstringReader reader(view_of("size:2:56,k:1:3,"));
  EXPECT_EQ(text_of(reader.next_until(':', 10).value()), "size");
  EXPECT_EQ(text_of(reader.next(10).value()), "56");
  EXPECT_EQ(text_of(reader.next_until(':', 10).value()), "k");
  EXPECT_EQ(text_of(reader.next(10).value()), "3");
  EXPECT_TRUE(reader.at_end());
}

TEST(NetstringReader, refuses_words_that_do_not_end_in_time) {
  NetstringReader reader(view_of("abcdef:"));
  EXPECT_FALSE(reader.next_until(':', 5));
  EXPECT_TRUE(reader.next_until(':', 6));
  EXPECT_FALSE(reader.next_until(':', 6));
}

TEST(NetstringReader, refuses_everything_that_is_not_exactly_a_netstring) {
  for (std::string_view text : {"", ":", ":,", "1", "1:", "1:a", "1:ab", "2:a,", "a:b,", "-1:,", "+1:a,", " 1:a,",
                                "1 :a,", "01:a,", "00:,", "1:a;", "0x1:a,", "1.0:a,"}) {
    EXPECT_EQ(error_of(text), Errc::malformed) << text;
  }
}

TEST(NetstringReader, refuses_lengths_beyond_the_input_whatever_their_size) {
  for (std::string_view text : {"2:a,", "18446744073709551615:a,", "18446744073709551616:a,", "9999999999999999999:a,",
                                "99999999999999999999999999999999:a,"}) {
    EXPECT_EQ(error_of(text, ~std::size_t{0}), Errc::malformed) << text;
  }
}

TEST(NetstringReader, refuses_values_above_the_bound) {
  EXPECT_EQ(error_of("3:abc,", 2), Errc::malformed);
  NetstringReader reader(view_of("3:abc,"));
  EXPECT_TRUE(reader.next(3));
}

}  // namespace
}  // namespace holdfast
