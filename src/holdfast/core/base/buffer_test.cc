#include "holdfast/core/base/buffer.h"

#include <gtest/gtest.h>

#include <random>

namespace holdfast {
namespace {

TEST(Buffer, holds_a_copy_of_the_bytes_that_it_was_made_of) {
  const Bytes bytes{1, 2, 3};
  const Buffer buffer = to_buffer(bytes);
  EXPECT_TRUE(equal(buffer, bytes));
  EXPECT_TRUE(to_buffer({}).empty());
}

// Around the size from which blocks are kept for the next buffer, and with more freed at once than is kept.
TEST(Buffer, is_nobody_elses_when_its_block_was_used_before) {
  struct Marked {
    Buffer buffer;
    std::uint8_t mark;
  };
  std::mt19937 random(1);
  std::vector<Marked> live;
  for (int round = 0; round < 400; ++round) {
    const std::size_t size = 128 * 1024 - 2 + random() % 5 + (random() % 4) * 65'536 * (round % 100 == 0 ? 200 : 1);
    const auto mark = static_cast<std::uint8_t>(round);
    live.push_back({Buffer(size), mark});
    std::ranges::fill(live.back().buffer, mark);
    if (live.size() > 12) live.erase(live.begin() + static_cast<std::ptrdiff_t>(random() % live.size()));
    for (const auto& [buffer, its] : live) {
      ASSERT_EQ(buffer.front(), its);
      ASSERT_EQ(buffer[buffer.size() / 2], its);
      ASSERT_EQ(buffer.back(), its);
    }
  }
}

}  // namespace
}  // namespace holdfast
