#include "holdfast/node/transfer/daily_window.h"

#include <gtest/gtest.h>

#include "holdfast/edge/io/simulated_loop.h"
#include "support/local_time.h"

namespace holdfast::transfer {
namespace {

constexpr int kHour = 3'600, kDay = 24 * kHour;

DailyWindow window_of(const char* text) {
  return parse_daily_window(text).value();
}

TEST(DailyWindow, ReadsTimesOfTheDay) {
  EXPECT_EQ(window_of("01:00-05:00").begin, kHour);
  EXPECT_EQ(window_of("01:00-05:00").end, 5 * kHour);
  EXPECT_EQ(window_of("22:30:15-06:00").begin, 22 * kHour + 30 * 60 + 15);
  EXPECT_EQ(window_of("18:00-24:00").end, kDay);
  EXPECT_EQ(window_of("24:00-06:00").begin, 0);
  EXPECT_EQ(begin_of(window_of("01:05-05:00")), "01:05");
  EXPECT_EQ(begin_of(window_of("22:30:15-06:00")), "22:30:15");
}

TEST(DailyWindow, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "01:00", "01:00-", "-05:00", "1:00-5:00", "01:00-05:00 ", " 01:00-05:00",
                           "01:00-05:60", "25:00-26:00", "24:01-05:00", "01-05", "01:00:60-05:00", "01:00-05:00-07:00",
                           "ab:cd-ef:gh", "+1:00-05:00", "01:00-01:00", "24:00-00:00", "01:00:-05:00"}) {
    const auto window = parse_daily_window(text);
    EXPECT_FALSE(window.has_value()) << text;
    if (!window) {
      EXPECT_NE(window.error().what.find(text), std::string::npos);
    }
  }
}

TEST(DailyWindow, IsOpenFromItsBeginUpToItsEnd) {
  const test::LocalTime utc("UTC0");
  const auto open = [](const char* window, std::int64_t second) { return is_open(window_of(window), second); };
  EXPECT_FALSE(open("01:00-05:00", kHour - 1));
  EXPECT_TRUE(open("01:00-05:00", kHour));
  EXPECT_TRUE(open("01:00-05:00", 400 * std::int64_t{kDay} + 5 * kHour - 1));
  EXPECT_FALSE(open("01:00-05:00", 5 * kHour));
  EXPECT_TRUE(open("22:00-06:00", 23 * kHour));
  EXPECT_TRUE(open("22:00-06:00", kDay));
  EXPECT_FALSE(open("22:00-06:00", 6 * kHour));
  EXPECT_TRUE(open("18:00-24:00", kDay - 1));
  EXPECT_FALSE(open("18:00-24:00", kDay));
  for (int hour = 0; hour < 24; ++hour) EXPECT_TRUE(open("00:00-24:00", hour * kHour));
}

// 2026-03-29 01:00 UTC: the clocks go from 02:00 to 03:00. 2026-10-25 01:00 UTC: from 03:00 back to 02:00.
TEST(DailyWindow, FollowsTheLocalClockInSummerToo) {
  const test::LocalTime paris("CET-1CEST,M3.5.0,M10.5.0/3");
  const DailyWindow window = window_of("02:00-03:00");
  constexpr std::int64_t spring = 1'774'746'000, autumn = 1'792'890'000;
  for (std::int64_t second = -2 * kHour; second < 2 * kHour; second += 60) {
    EXPECT_FALSE(is_open(window, spring + second)) << second;  // that night there is no such hour
    EXPECT_EQ(is_open(window, autumn + second), second >= -kHour && second < kHour) << second;
  }
}

class Nights : public testing::Test {
 protected:
  /// Work of so many seconds that goes on where it was; answers how long all took.
  Result<std::int64_t> run(const char* window, std::int64_t seconds_of_work) {
    io::CancelScope scope(loop_);
    stop_ = [&scope] { scope.cancel(); };
    Result<std::int64_t> out = fail(Errc::io, "it did not end");
    EXPECT_TRUE(loop_.run(main(window_of(window), seconds_of_work, &out), scope));
    return out;
  }

  io::SimulatedLoop loop_;
  const test::LocalTime utc_{"UTC0"};
  std::int64_t done_ = 0;
  unsigned begun_ = 0;
  std::function<void()> each_second_ = [] {}, stop_;
  std::function<bool(const std::int64_t&)> unfinished_;
  Progress progress_;

 private:
  io::Task<Result<std::int64_t>> work(std::int64_t seconds) {
    ++begun_;
    while (done_ < seconds) {
      EXPECT_TRUE(progress_.note.empty());
      const bool slept = co_await io::sleep_for(std::chrono::seconds(1));
      if (!slept) co_return fail(Errc::cancelled, "stopped");
      ++done_;
      each_second_();
    }
    co_return done_;
  }
  io::Task<void> main(DailyWindow window, std::int64_t seconds, Result<std::int64_t>* out) {
    const io::Time start = loop_.now();
    std::function again = [this, seconds](const WindowGuard&) { return work(seconds); };
    *out = co_await while_open(window, std::move(again), progress_, unfinished_);
    if (*out) *out = (loop_.now() - start) / std::chrono::seconds(1);
  }
};

// The simulated clock begins at 08:00.
TEST_F(Nights, u9_what_takes_nine_hours_takes_three_nights_of_four) {
  const std::int64_t took = run("01:00-05:00", 9 * kHour).value();
  EXPECT_EQ(begun_, 3u);
  EXPECT_NEAR(static_cast<double>(took), 17 * kHour + 2 * kDay + kHour, 5);
}

TEST_F(Nights, WhatIsOpenIsNotWaitedFor) {
  EXPECT_EQ(run("07:00-12:00", 100).value(), 100);
  EXPECT_EQ(begun_, 1u);
}

TEST_F(Nights, WhatIsLeftOverHasTheNextNight) {
  unsigned nights = 0;
  unfinished_ = [&nights](const std::int64_t&) { return ++nights < 3; };
  EXPECT_EQ(run("07:00-12:00", 100).value(), 100);
  EXPECT_EQ(begun_, 3u);
}

TEST_F(Nights, WhoeverStopsItWithSomethingLeftOverIsNotToldThatItIsDone) {
  unfinished_ = [this](const std::int64_t&) {
    stop_();
    return true;
  };
  EXPECT_EQ(run("07:00-12:00", 100).error().code, Errc::cancelled);
  EXPECT_EQ(begun_, 1u);
}

TEST_F(Nights, AClockThatIsSetIsFollowed) {
  each_second_ = [this] {
    if (done_ == 50) loop_.jump_wall_clock(-2 * kHour);
  };
  const std::int64_t took = run("07:00-12:00", 100).value();
  EXPECT_EQ(begun_, 2u);
  EXPECT_NEAR(static_cast<double>(took), kHour + 50, 5);
}

}  // namespace
}  // namespace holdfast::transfer
