#include "holdfast/core/protocol/http_fields.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

Range random_range(std::mt19937_64& random) {
  const std::uint64_t begin = random() >> (1 + random() % 63);
  return {begin, begin + 1 + (random() >> (1 + random() % 63))};
}

TEST(Decimal, is_digits_that_fit) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("007"), 7u);
  EXPECT_EQ(parse_decimal("18446744073709551615"), kMax);
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "18446744073709551616",
                           "99999999999999999999", "184467440737095516150", "\xd9\xa1"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
  EXPECT_FALSE(parse_decimal(std::string_view("1\0", 2)));
}

TEST(ContentRange, has_both_ends_and_a_total_or_a_star) {
  const auto open = parse_content_range("bytes 16-47/*");
  ASSERT_TRUE(open);
  EXPECT_EQ(open->range, (Range{16, 48}));
  EXPECT_FALSE(open->total);
  const auto closed = parse_content_range("bytes 0-0/1");
  ASSERT_TRUE(closed);
  EXPECT_EQ(closed->range, (Range{0, 1}));
  EXPECT_EQ(closed->total, 1u);
}

TEST(ContentRange, refuses_everything_else) {
  for (const char* field : {"",
                            "garbage",
                            "bytes",
                            "bytes ",
                            "bytes abc",
                            "bytes */10",
                            "bytes */*",
                            "bytes 0-9",
                            "bytes 0-9/",
                            "bytes -9/10",
                            "bytes 0-/10",
                            "bytes -/10",
                            "bytes /10",
                            "bytes 9-0/10",
                            "bytes -1-9/10",
                            "bytes 0--9/10",
                            "bytes 0-9/-10",
                            "bytes 0-9/9",
                            "bytes 0-0/0",
                            "bytes 0-9/10/10",
                            "bytes 0-9/10 ",
                            "bytes 0-9 /10",
                            "bytes 0 -9/10",
                            "bytes  0-9/10",
                            " bytes 0-9/10",
                            "bytes=0-9/10",
                            "bytes:0-9/10",
                            "teapots 0-9/10",
                            "chunks 0-9/*",
                            "bytes 0-9,10-19/20",
                            "bytes 0-9-19/20",
                            "bytes 0x0-0x9/10",
                            "bytes 0-18446744073709551616/*",
                            "bytes 0-18446744073709551615/*",
                            "bytes 18446744073709551615-18446744073709551615/*",
                            "bytes 0-9/18446744073709551616"}) {
    const auto range = parse_content_range(field);
    ASSERT_FALSE(range) << field;
    EXPECT_EQ(range.error().code, Errc::malformed);
  }
}

TEST(ContentRange, reaches_up_to_the_last_byte_that_a_range_can_name) {
  const auto range = parse_content_range("bytes 18446744073709551614-18446744073709551614/18446744073709551615");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->range, (Range{kMax - 1, kMax}));
}

TEST(ContentRange, reads_what_it_writes) {
  EXPECT_EQ(format_content_range({0, 11}), "bytes 0-10/*");
  EXPECT_EQ(format_content_range({3, 18}, 100), "bytes 3-17/100");
  std::mt19937_64 random(11);
  for (int round = 0; round < 1000; ++round) {
    const Range range = random_range(random);
    const auto total = random() % 2 == 0 ? std::nullopt : std::optional(range.end + random() % 2 * (kMax - range.end));
    const auto again = parse_content_range(format_content_range(range, total));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->range, range);
    EXPECT_EQ(again->total, total);
  }
}

TEST(RangeField, is_one_range_with_both_ends) {
  EXPECT_EQ(parse_range("bytes=0-0").value(), (Range{0, 1}));
  EXPECT_EQ(parse_range("bytes=10-19").value(), (Range{10, 20}));
  for (const char* field : {"",
                            "bytes",
                            "bytes=",
                            "bytes=-",
                            "bytes=zzz",
                            "bytes=10-",
                            "bytes=-10",
                            "bytes=-300-",
                            "bytes=0-",
                            "bytes=-2-9",
                            "bytes=0--10",
                            "bytes=20-10",
                            "bytes=0-5, 6-7",
                            "bytes=0-9,20-29",
                            "bytes=0-9,",
                            "molluscs=0-9",
                            "chunks=0-9",
                            "bytes 0-9",
                            "bytes=0-9/10",
                            "bytes= 0-9",
                            "bytes=0-9 ",
                            "bytes=0-18446744073709551615",
                            "bytes=0-99999999999999999999999"}) {
    EXPECT_FALSE(parse_range(field)) << field;
  }
}

TEST(RangeField, reads_what_it_writes) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 1000; ++round) {
    const Range range = random_range(random);
    EXPECT_EQ(parse_range(format_range(range)).value(), range);
  }
}

TEST(Authorization, is_the_base64_of_the_swissnums_characters) {
  EXPECT_EQ(authorization_value("abcdefghijklmnopqrstuvwxyz234567"),
            "Tahoe-LAFS YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoyMzQ1Njc=");
}

TEST(SecretField, is_a_kind_and_base64) {
  const auto field = parse_secret_field("lease-renew-secret o2os4YAGJrfPR1Gv3IJWgH1DRnZgro5ESj8lkrceRUo=");
  ASSERT_TRUE(field);
  EXPECT_EQ(field->kind, "lease-renew-secret");
  EXPECT_EQ(field->secret.size(), 32u);
}

TEST(SecretField, is_refused_without_a_kind_or_a_value_or_with_lenient_base64) {
  for (const char* field :
       {"", "upload-secret", "upload-secret ", "upload-secret  ", " Zm9v", "upload-secretZm9v", "upload-secret\tZm9v",
        "upload-secret Zg", "upload-secret Zh==", "upload-secret Zm9v*", "upload-secret Z m9v",
        "upload-secret not base64!", "upload-secret -_-_", "upload-secret Zm9v,lease-renew-secret Zm9v",
        "upload-secret Zm9v, lease-renew-secret Zm9v"}) {
    EXPECT_FALSE(parse_secret_field(field)) << field;
  }
}

TEST(SecretField, reads_what_it_writes) {
  std::mt19937 random(13);
  for (std::size_t length = 1; length < 100; ++length) {
    Bytes secret(length);
    for (std::uint8_t& byte : secret) byte = static_cast<std::uint8_t>(random());
    const auto again = parse_secret_field(format_secret_field("write-enabler", secret));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->kind, "write-enabler");
    EXPECT_EQ(again->secret, secret);
  }
}

TEST(ResumeField, is_a_version_with_or_without_times) {
  const auto full = parse_resume_field("1; retention=604800; idle=1800");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->version, 1u);
  EXPECT_EQ(full->retention_seconds, 604'800u);
  EXPECT_EQ(full->idle_seconds, 1'800u);
  EXPECT_EQ(format_resume_field(*full), "1; retention=604800; idle=1800");
  const auto bare = parse_resume_field("1");
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->retention_seconds || bare->idle_seconds);
  EXPECT_EQ(format_resume_field(*bare), "1");
}

TEST(ResumeField, lets_later_versions_say_more) {
  const auto later = parse_resume_field(" 2 ;new=1;  idle = 7 ; flag; =; retention=x;;");
  ASSERT_TRUE(later);
  EXPECT_EQ(later->version, 2u);
  EXPECT_EQ(later->idle_seconds, 7u);
  EXPECT_FALSE(later->retention_seconds);
}

TEST(ResumeField, may_name_shares_and_passes_over_what_is_none) {
  const auto field = parse_resume_field("1; retention=7; matched=0.3.255");
  ASSERT_TRUE(field);
  EXPECT_EQ(field->matched, (std::set<ShareNumber>{0, 3, 255}));
  EXPECT_EQ(format_resume_field(*field), "1; retention=7; matched=0.3.255");
  EXPECT_EQ(parse_resume_field("1; matched=9.256.x..-1.4.99999999999999999999")->matched,
            (std::set<ShareNumber>{4, 9}));
  EXPECT_TRUE(parse_resume_field("1; matched=")->matched.empty());
}

TEST(ResumeField, needs_its_version) {
  for (const char* field : {"", ";", "yes", "-1", "1.0", "1 2", "retention=604800", "18446744073709551616"}) {
    EXPECT_FALSE(parse_resume_field(field)) << field;
  }
}

TEST(Accept, admits_cbor_by_name_by_wildcard_and_by_absence) {
  EXPECT_TRUE(accepts_cbor(std::nullopt));
  for (const char* field : {"", "application/cbor", "Application/CBOR", "*/*", "application/*",
                            "text/html, application/cbor", "text/html,*/*;q=0.1", "application/cbor; q=0.5",
                            "application/cbor;q=1.000", "application/json;q=0, application/cbor"}) {
    EXPECT_TRUE(accepts_cbor(field)) << field;
  }
}

TEST(Accept, excludes_cbor_by_silence_and_by_zero) {
  for (const char* field :
       {"image/gif", "application/json", "text/*", "application/cbor;q=0", "application/cbor; Q=0.000", "*/*;q=0",
        "application/cbor-seq", "application/cborx", "application", "*"}) {
    EXPECT_FALSE(accepts_cbor(field)) << field;
  }
}

TEST(Accept, is_decided_by_its_most_specific_entry_in_any_order) {
  for (const char* field : {"application/cbor;q=0, */*", "*/*, application/cbor;q=0", "application/*;q=0, */*",
                            "*/*, application/*;q=0", "application/*, application/cbor;q=0, */*;q=1"}) {
    EXPECT_FALSE(accepts_cbor(field)) << field;
  }
  for (const char* field :
       {"*/*;q=0, application/cbor", "application/cbor, */*;q=0", "application/*;q=0, application/cbor;q=0.1",
        "*/*;q=0, application/*", "application/cbor;q=0, application/cbor", "image/gif;q=0, */*"}) {
    EXPECT_TRUE(accepts_cbor(field)) << field;
  }
}

TEST(ContentType, is_cbor_in_any_case_and_with_any_parameters) {
  EXPECT_TRUE(is_cbor(std::nullopt));
  for (const char* field :
       {"application/cbor", "Application/Cbor", "application/cbor; charset=utf-8", " application/cbor ;x"}) {
    EXPECT_TRUE(is_cbor(field)) << field;
  }
  for (const char* field :
       {"", "application/json", "application/cbor-seq", "application/cbor, text/plain", "application/*", ";"}) {
    EXPECT_FALSE(is_cbor(field)) << field;
  }
}

}  // namespace
}  // namespace holdfast::protocol
