#include "holdfast/core/base/range_set.h"

#include <gtest/gtest.h>

#include <bitset>
#include <random>

namespace holdfast {
namespace {

constexpr std::size_t kWorld = 64;
using Model = std::bitset<kWorld>;

Model mask_of(Range range) {
  Model mask;
  for (std::uint64_t i = range.begin; i < range.end; ++i) mask[i] = true;
  return mask;
}

Model model_of(const RangeSet& set) {
  Model mask;
  for (const Range& range : set.ranges()) mask |= mask_of(range);
  return mask;
}

Range random_range(std::mt19937& random) {
  const std::uint64_t a = random() % (kWorld + 1);
  const std::uint64_t b = random() % (kWorld + 1);
  return random() % 8 == 0 ? Range{a, b} : Range{std::min(a, b), std::max(a, b)};
}

void expect_normal_form(const RangeSet& set) {
  const std::vector<Range> ranges = set.ranges();
  EXPECT_EQ(ranges.size(), set.count());
  EXPECT_EQ(ranges.empty(), set.empty());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_FALSE(ranges[i].empty());
    if (i > 0) {
      EXPECT_LT(ranges[i - 1].end, ranges[i].begin) << "touching ranges must be joined";
    }
  }
  if (!ranges.empty()) {
    EXPECT_EQ(set.front(), ranges.front());
  }
}

TEST(RangeSet, does_what_a_bit_per_position_does) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    RangeSet set;
    RangeSet other;
    Model model;
    Model other_model;
    for (int step = 0; step < 60; ++step) {
      const Range range = random_range(random);
      switch (random() % 5) {
        case 0:
        case 1:
          set.add(range), model |= mask_of(range);
          break;
        case 2:
          set.subtract(range), model &= ~mask_of(range);
          break;
        case 3:
          other.add(range), other_model |= mask_of(range);
          break;
        case 4:
          if (random() % 8 != 0) break;
          if (random() % 2 == 0) {
            set.add(other), model |= other_model;
          } else {
            set.subtract(other), model &= ~other_model;
          }
          break;
      }
      ASSERT_EQ(model_of(set), model) << "seed " << seed << " step " << step;
      expect_normal_form(set);
      EXPECT_EQ(set.total(), model.count());

      const Range asked = random_range(random);
      const Model asked_mask = mask_of(asked);
      EXPECT_EQ(set.contains(asked), (model & asked_mask) == asked_mask);
      EXPECT_EQ(set.intersects(asked), (model & asked_mask).any());
      EXPECT_EQ(model_of(set.intersection(asked)), model & asked_mask);
      EXPECT_EQ(model_of(set.gaps(asked)), asked_mask & ~model);
      if (asked.begin < kWorld) {
        EXPECT_EQ(set.contains(asked.begin), model[asked.begin]);
      }
    }
  }
}

TEST(RangeSet, joins_ranges_that_touch) {
  const RangeSet set{{0, 5}, {5, 10}, {20, 30}};
  EXPECT_EQ(set.ranges(), (std::vector<Range>{{0, 10}, {20, 30}}));
  EXPECT_EQ(set, (RangeSet{{20, 30}, {0, 10}}));
}

TEST(RangeSet, ignores_empty_and_reversed_ranges) {
  RangeSet set;
  set.add({7, 7});
  set.add({9, 3});
  EXPECT_TRUE(set.empty());
  EXPECT_TRUE(set.contains(Range{3, 3}));
}

TEST(RangeSet, works_up_to_the_last_position) {
  constexpr std::uint64_t kEnd = ~std::uint64_t{0};
  RangeSet set;
  set.add({0, kEnd});
  set.subtract({5, kEnd - 1});
  EXPECT_EQ(set.ranges(), (std::vector<Range>{{0, 5}, {kEnd - 1, kEnd}}));
  EXPECT_EQ(set.total(), 6u);
}

TEST(RangeSet, is_emptied_by_clear) {
  RangeSet set{{1, 2}};
  set.clear();
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.total(), 0u);
}

}  // namespace
}  // namespace holdfast
