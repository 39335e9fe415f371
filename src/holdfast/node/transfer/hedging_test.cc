#include "holdfast/node/transfer/hedging.h"

#include <gtest/gtest.h>

namespace holdfast::transfer {
namespace {

using Positions = std::vector<std::size_t>;

constexpr Surroundings kMoving{true, false, 100, 0.5};
constexpr Surroundings kStanding{false, false, 100, 0.5};
constexpr Surroundings kBusy{true, true, 100, 0.5};

TEST(Hedging, NobodyIsToBlameWhenNothingMoves) {
  EXPECT_FALSE(lags({1000, 500, 0, 10, false}, kStanding));
  EXPECT_FALSE(lags({1000, 0, 0, 10, false}, kStanding));
}

TEST(Hedging, WhoStandsStillWhileOthersMoveLags) {
  EXPECT_TRUE(lags({1000, 500, 0, 0.6, false}, kMoving));
  EXPECT_FALSE(lags({1000, 500, 0, 0.4, false}, kMoving));  // for a moment only
}

TEST(Hedging, NobodyIsToBlameForALineThatIsFull) {
  EXPECT_FALSE(lags({1000, 500, 0, 2, false}, kBusy));
  EXPECT_FALSE(lags({1000, 0, 10, 0, false}, kBusy));
}

TEST(Hedging, WhoCrawlsLags) {
  EXPECT_FALSE(
      lags({1000, 0, 50, 0, false}, kMoving));          // 20 s beside the 10 s of the best: not worth fetching it again
  EXPECT_TRUE(lags({1000, 0, 40, 0, false}, kMoving));  // 25 s
  EXPECT_FALSE(lags({1000, 900, 40, 0, false}, kMoving));        // but nearly done
  EXPECT_FALSE(lags({1000, 1000, 0, 60, false}, kMoving));       // it is there
  EXPECT_TRUE(lags({1000, 1000, 0, 60, false, true}, kMoving));  // and its hashes do not come
}

TEST(Hedging, SparesGoWhenTheOthersMoveAgain) {
  const std::vector<Pace> copies{{1000, 600, 100, 0, false},
                                 {1000, 500, 100, 0, false},
                                 {1000, 550, 100, 0, false},
                                 {1000, 0, 0, 1, false},
                                 {1000, 50, 50, 0, false}};
  EXPECT_EQ(surplus(copies, 3), (Positions{3, 4}));
}

TEST(Hedging, NobodyGoesForOneThatIsStuck) {
  const std::vector<Pace> copies{{1000, 1000, 0, 2, false, true}, {1000, 10, 0, 1, false}};
  EXPECT_EQ(surplus(copies, 1), Positions{});
}

TEST(Hedging, TheOriginalGoesWhenItsSpareIsQuicker) {
  const std::vector<Pace> copies{{1000, 300, 2, 0, false}, {1000, 400, 300, 0, false}};
  EXPECT_EQ(surplus(copies, 1), Positions{0});
}

TEST(Hedging, NobodyGoesWhileTooFewMove) {
  const std::vector<Pace> copies{
      {1000, 600, 100, 0, false}, {1000, 500, 0, 2, false}, {1000, 550, 100, 0, false}, {1000, 0, 0, 1, false}};
  EXPECT_EQ(surplus(copies, 3), Positions{});
  EXPECT_EQ(surplus(copies, 0), Positions{});
  EXPECT_EQ(surplus(copies, 4), Positions{});
}

TEST(Hedging, OfTwoThatAreAboutAsFastBothStay) {
  const std::vector<Pace> copies{{1000, 500, 100, 0, false}, {1000, 450, 100, 0, false}};
  EXPECT_EQ(surplus(copies, 1), Positions{});
}

TEST(Hedging, WhatHasArrivedIsNeverSurplusBeforeWhatHasNot) {
  const std::vector<Pace> copies{{1000, 1000, 0, 0, false}, {1000, 500, 100, 0, false}};
  EXPECT_EQ(surplus(copies, 1), Positions{1});
}

TEST(Hedging, WhatWasTakenFromACopyMakesItNoFaster) {
  Trail trail(0, 0);
  trail.look(0.2, 1'000, 2'000, true);
  trail.look(1.3, 1'500, 2'000, true);
  EXPECT_EQ(trail.look(1.35, 0, 2'000, true).bytes_per_second, 0);
}

TEST(Hedging, ATrailTellsThePaceOfTheLastSecond) {
  Trail trail(10, 500);  // went on with 500 bytes that were there
  EXPECT_FALSE(trail.first_byte());
  Pace pace = trail.look(10.2, 500, 5000, true);
  EXPECT_DOUBLE_EQ(pace.still_seconds, 10.2 - 10.0);
  EXPECT_FALSE(pace.young);
  pace = trail.look(10.4, 600, 5000, true);
  EXPECT_TRUE(pace.young);
  EXPECT_DOUBLE_EQ(trail.first_byte().value(), 10.4 - 10.0);
  pace = trail.look(10.6, 700, 5000, true);
  EXPECT_FALSE(pace.young);
  EXPECT_FALSE(trail.first_byte());
  EXPECT_NEAR(pace.bytes_per_second, 200 / 0.6, 1e-6);
  for (int i = 1; i <= 10; ++i) pace = trail.look(10.6 + 0.2 * i, 700 + 1000 * i / 10, 5000, true);
  EXPECT_NEAR(pace.bytes_per_second, 500, 1e-6);
  EXPECT_EQ(pace.arrived, 1700u);
  pace = trail.look(14.0, 1700, 5000, true);
  EXPECT_NEAR(pace.still_seconds, 14.0 - 12.6, 1e-6);
}

TEST(Hedging, AStandingLineIsNotCounted) {
  Trail trail(0, 0);
  trail.look(0.2, 100, 1000, true);
  EXPECT_DOUBLE_EQ(trail.look(0.4, 100, 1000, true).still_seconds, 0.4 - 0.2);
  EXPECT_NEAR(trail.look(1.4, 100, 1000, false).still_seconds, 0.2, 1e-9);
  EXPECT_NEAR(trail.look(1.6, 100, 1000, true).still_seconds, 0.4, 1e-9);
  EXPECT_EQ(trail.look(1.8, 200, 1000, true).still_seconds, 0);
  EXPECT_NEAR(trail.look(2.0, 200, 1000, true).still_seconds, 0.2, 1e-9);
}

TEST(Hedging, WhatComesInClotsIsNotTakenForStandingStill) {
  Trail trail(0, 0);
  Pace pace;
  for (int i = 1; i <= 20; ++i) {
    pace = trail.look(0.2 * i, static_cast<std::uint64_t>(i / 2) * 16'000, 1'000'000, true);
    if (i > 10) {
      EXPECT_NEAR(pace.bytes_per_second, 40'000, 10'000) << i;
    }
  }
}

TEST(Hedging, WhoHasJustBegunIsNotJudged) {
  const std::vector<Pace> copies{{1000, 900, 100, 0, false}, {1000, 10, 10, 0, true}};
  EXPECT_EQ(surplus(copies, 1), Positions{});
  EXPECT_FALSE(lags(copies[1], kMoving));
}

}  // namespace
}  // namespace holdfast::transfer
