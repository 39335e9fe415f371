#include "holdfast/node/transfer/run_length.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::transfer {
namespace {

SegmentNumber longest(std::uint64_t segment_size) {
  io::SimulatedLoop loop;
  RunLength run_length(loop, segment_size, 4 * 1'048'576);
  for (int i = 0; i < 40; ++i) run_length.arrived();
  return run_length.now();
}

TEST(RunLength, IsBoundedInBytesAndInSegments) {
  EXPECT_EQ(longest(8 * 1'048'576), 1u);
  EXPECT_EQ(longest(1'048'576), 4u);
  EXPECT_EQ(longest(1), RunLength::kSegmentsMax) << "a file may have segments of a byte";
}

struct OnItsWay {
  io::Time asked;
  SegmentNumber length = 0;
  double left = 0;  // segments
};

/// A line that brings a segment in 8 ms, to all who have something on it an equal part, and 50 ms after it was asked for. All
/// begin at once. Answers for how many of five seconds it was idle.
io::Task<void> read_along(io::Loop* loop, double* idle_seconds) {
  constexpr auto kStep = std::chrono::milliseconds(1), kRoundTrip = std::chrono::milliseconds(50);
  RunLength run_length(*loop, 1'048'576, 8 * 1'048'576);
  std::deque<OnItsWay> runs;
  for (int step = 0; step < 6'000; ++step) {
    while (runs.size() < RunLength::kTogether) {
      const SegmentNumber length = run_length.next();
      runs.push_back({loop->now(), length, static_cast<double>(length)});
    }
    const bool slept = co_await io::sleep_for(kStep);
    if (!slept) co_return;
    const auto comes = [&](const OnItsWay& run) { return run.left > 0 && loop->now() - run.asked >= kRoundTrip; };
    const auto parts = static_cast<double>(std::ranges::count_if(runs, comes));
    if (parts == 0 && step >= 1'000) *idle_seconds += 0.001;
    for (OnItsWay& run : runs) run.left -= comes(run) ? 1.0 / 8 / parts : 0;
    for (; !runs.empty() && runs.front().left <= 0; runs.pop_front()) {
      run_length.came(runs.front().asked, runs.front().length);
      run_length.arrived();
    }
  }
}

TEST(RunLength, RunsThatBeganTogetherDoNotEndTogetherForLong) {
  io::SimulatedLoop loop;
  io::CancelScope scope(loop);
  double idle_seconds = 0;
  ASSERT_TRUE(loop.run(read_along(&loop, &idle_seconds), scope));
  EXPECT_LT(idle_seconds, 0.1) << "of 5; when all are of one length, it is 1.0";
}

}  // namespace
}  // namespace holdfast::transfer
