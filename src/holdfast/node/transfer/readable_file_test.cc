#include "holdfast/node/transfer/readable_file.h"

#include <gtest/gtest.h>

#include "holdfast/edge/io/simulated_loop.h"

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

}  // namespace
}  // namespace holdfast::transfer
