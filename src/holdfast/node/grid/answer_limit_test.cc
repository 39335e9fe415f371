#include "holdfast/node/grid/answer_limit.h"

#include <gtest/gtest.h>

namespace holdfast::grid {
namespace {

using std::chrono::seconds;

TEST(AnswerLimit, grows_with_the_bytes_up_to_the_most) {
  const auto limit = [](std::uint64_t bytes) { return answer_limit(seconds(15), bytes, 1'000, seconds(600)); };
  EXPECT_EQ(limit(0), seconds(15));
  EXPECT_EQ(limit(999), seconds(15));
  EXPECT_EQ(limit(30'000), seconds(45));
  EXPECT_EQ(limit(584'999), seconds(599));
  EXPECT_EQ(limit(585'000), seconds(600));
  EXPECT_EQ(limit(590'000), seconds(600));
  EXPECT_EQ(limit(UINT64_MAX), seconds(600));
}

}  // namespace
}  // namespace holdfast::grid
