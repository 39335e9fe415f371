#include "holdfast/core/protocol/byte_ranges.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

using Kind = RangeChoice::Kind;

RangeChoice parts(std::vector<Range> ranges) {
  return {Kind::parts, std::move(ranges)};
}
const RangeChoice kWhole{Kind::whole, {}}, kNone{Kind::unsatisfiable, {}};

TEST(ByteRanges, OneRange) {
  EXPECT_EQ(choose_ranges("bytes=0-9", 5120), parts({{0, 10}}));
  EXPECT_EQ(choose_ranges("bytes=0-0", 5120), parts({{0, 1}}));
  EXPECT_EQ(choose_ranges("bytes=0-", 5120), parts({{0, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=5110-", 5120), parts({{5110, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=5119-", 5120), parts({{5119, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=5119-6000", 5120), parts({{5119, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=-10", 5120), parts({{5110, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=-99999", 5120), parts({{0, 5120}}));
  EXPECT_EQ(choose_ranges("  Bytes = 0-9 ", 5120), parts({{0, 10}}));
}

TEST(ByteRanges, NothingOfItIsThere) {
  for (const char* field : {"bytes=5120-", "bytes=5120-5130", "bytes=-0", "bytes=9999-", "bytes=5120-,6000-7000,-0"}) {
    EXPECT_EQ(choose_ranges(field, 5120), kNone) << field;
  }
  for (const char* field : {"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=7-9"}) {
    EXPECT_EQ(choose_ranges(field, 0), kNone) << field;
  }
}

TEST(ByteRanges, WhatIsNotUnderstoodIsNotThere) {
  for (const char* field : {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=9-5", "bytes=0-9,9-5",
                            "bytes=0-9,x", "bytes=0-9-9", "bytes=0--9", "bytes=+0-9", "bytes=0 - 9", "bytes=0x0-9",
                            "bytes 0-9", "chunks=0-9", "bytes=0-9;q=1", "0-9", "=0-9"}) {
    EXPECT_EQ(choose_ranges(field, 5120), kWhole) << field;
  }
}

TEST(ByteRanges, NumbersSaturate) {
  EXPECT_EQ(choose_ranges("bytes=0-18446744073709551615", 10), parts({{0, 10}}));
  EXPECT_EQ(choose_ranges("bytes=5-99999999999999999999999", 10), parts({{5, 10}}));
  EXPECT_EQ(choose_ranges("bytes=-99999999999999999999999", 10), parts({{0, 10}}));
  EXPECT_EQ(choose_ranges("bytes=99999999999999999999999-", 10), kNone);
  EXPECT_EQ(choose_ranges("bytes=0-99999999999999999999999", UINT64_MAX), parts({{0, UINT64_MAX}}));
  EXPECT_EQ(choose_ranges("bytes=18446744073709551614-", UINT64_MAX), parts({{UINT64_MAX - 1, UINT64_MAX}}));
}

TEST(ByteRanges, SeveralAreSortedAndTheNearOnesBecomeOne) {
  EXPECT_EQ(choose_ranges("bytes=1000-1009,0-9", 5120), parts({{0, 10}, {1000, 1010}}));
  EXPECT_EQ(choose_ranges("bytes=0-9, ,1000-1009,", 5120), parts({{0, 10}, {1000, 1010}}));
  EXPECT_EQ(choose_ranges("bytes=0-99,50-149", 5120), parts({{0, 150}}));
  EXPECT_EQ(choose_ranges("bytes=0-99,10-20", 5120), parts({{0, 100}}));
  EXPECT_EQ(choose_ranges("bytes=0-9,10-19", 5120), parts({{0, 20}}));
  EXPECT_EQ(choose_ranges("bytes=0-9,89-99", 5120), parts({{0, 100}})) << "79 bytes between them";
  EXPECT_EQ(choose_ranges("bytes=0-9,90-99", 5120), parts({{0, 10}, {90, 100}})) << "80 bytes between them";
  EXPECT_EQ(choose_ranges("bytes=-5,0-4", 5120), parts({{0, 5}, {5115, 5120}}));
  EXPECT_EQ(choose_ranges("bytes=0-9,9000-", 5120), parts({{0, 10}})) << "the others still count";
}

TEST(ByteRanges, SixteenPartsAndNoMore) {
  std::string field = "bytes=";
  for (int i = 0; i < 16; ++i) field += std::to_string(i * 200) + "-" + std::to_string(i * 200 + 9) + ",";
  EXPECT_EQ(choose_ranges(field, 5120).parts.size(), 16u);
  EXPECT_EQ(choose_ranges(field + "3200-3209", 5120), kNone);
  EXPECT_EQ(choose_ranges(field + "5-2995", 5120).parts.size(), 1u) << "counted when they are one";
}

}  // namespace
}  // namespace holdfast::protocol
