#include "holdfast/core/resume/draft_fields.h"

#include <gtest/gtest.h>

namespace holdfast::resume {
namespace {

TEST(DraftFields, booleans_are_exact) {
  EXPECT_EQ(parse_sf_boolean("?1"), true);
  EXPECT_EQ(parse_sf_boolean("?0"), false);
  EXPECT_EQ(parse_sf_boolean("  ?1\t"), true);
  EXPECT_EQ(parse_sf_boolean("?1;via=relay"), true);
  EXPECT_EQ(parse_sf_boolean("?1; a;b=2"), true);
  for (const char* bad : {"", "?", "?2", "1", "true", "?1,?0", "?1 ?0", "?1;", "?1;;a", "?1x", "? 1", "?1;a=\"b\""})
    EXPECT_FALSE(parse_sf_boolean(bad).has_value()) << bad;
}

TEST(DraftFields, counts_are_digits) {
  EXPECT_EQ(parse_sf_count("0"), 0u);
  EXPECT_EQ(parse_sf_count("007"), 7u);
  EXPECT_EQ(parse_sf_count("999999999999999"), 999'999'999'999'999u);
  EXPECT_EQ(parse_sf_count(" 5;x=1"), 5u);
  for (const char* bad : {"", "-1", "+1", "1.0", "1e3", "1000000000000000", "1 2", "0x10", "1,2", "a"})
    EXPECT_FALSE(parse_sf_count(bad).has_value()) << bad;
}

}  // namespace
}  // namespace holdfast::resume
