#include "holdfast/node/transfer/line_watch.h"

#include <gtest/gtest.h>

namespace holdfast::transfer {
namespace {

TEST(LineWatch, ALineThatGivesWhatItGaveIsBusy) {
  LineWatch line(0, 0);
  line.look(0.2, 200'000, true, false);
  EXPECT_TRUE(line.busy());
  line.look(0.4, 400'000, true, false);
  EXPECT_TRUE(line.busy());
  line.look(0.6, 450'000, true, false);
  EXPECT_FALSE(line.busy());  // a quarter: somebody has nothing to do, or the line became worse
}

TEST(LineWatch, WhatALineOnceGaveIsForgotten) {
  LineWatch line(0, 0);
  std::uint64_t received = 1'000'000;
  line.look(0.2, received, true, false);
  double now = 0.2;
  do {
    now += 0.2;
    line.look(now, received += 100'000, true, false);
    ASSERT_LT(now, 20);
  } while (!line.busy());
  EXPECT_GT(now, 5);  // a tenth of it counts as busy after two halvings and a little
}

TEST(LineWatch, TellsHowLongNothingMoved) {
  LineWatch line(10, 500);
  line.look(10.2, 600, true, false);
  line.look(10.4, 600, false, false);
  EXPECT_FALSE(line.moves());
  EXPECT_NEAR(line.still_for(10.5), 0.3, 1e-9);
}

TEST(LineWatch, WhatIsHeldBackHereIsBusyAndMovesHoweverLittleComes) {
  LineWatch line(0, 0);
  line.look(0.2, 1'000'000, true, false);
  line.look(0.4, 1'000'000, false, true);
  EXPECT_TRUE(line.busy());
  EXPECT_TRUE(line.moves());
  EXPECT_DOUBLE_EQ(line.still_for(0.4), 0);
  line.look(0.6, 1'000'000, false, false);
  EXPECT_FALSE(line.busy());
  EXPECT_FALSE(line.moves());
}

TEST(LineWatch, PatienceGrowsWithTheWay) {
  LineWatch line(0, 0);
  EXPECT_DOUBLE_EQ(line.patience(), 0.5);
  for (int i = 0; i < 20; ++i) line.first_byte_after(1.2);
  EXPECT_NEAR(line.patience(), 2.4, 0.1);
}

}  // namespace
}  // namespace holdfast::transfer
