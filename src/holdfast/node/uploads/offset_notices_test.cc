#include "holdfast/node/uploads/offset_notices.h"

#include <gtest/gtest.h>

namespace holdfast::uploads {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

io::Time at(milliseconds since) {
  return io::Time{} + since;
}

constexpr std::uint64_t kMany = 64 * 1'048'576;

TEST(OffsetNotices, come_once_a_second_while_the_offset_moves) {
  OffsetNotices notices(10, at(seconds(5)));
  EXPECT_FALSE(notices.due(10, at(seconds(9))));
  EXPECT_FALSE(notices.due(11, at(milliseconds(5'999))));
  EXPECT_TRUE(notices.due(11, at(seconds(6))));
  EXPECT_FALSE(notices.due(12, at(milliseconds(6'999))));
  EXPECT_FALSE(notices.due(11, at(seconds(7))));
  EXPECT_TRUE(notices.due(12, at(seconds(8))));
}

TEST(OffsetNotices, come_earlier_when_much_has_come) {
  OffsetNotices notices(0, at(seconds(0)));
  EXPECT_FALSE(notices.due(kMany - 1, at(milliseconds(1))));
  EXPECT_TRUE(notices.due(kMany, at(milliseconds(1))));
  EXPECT_FALSE(notices.due(2 * kMany - 1, at(milliseconds(2))));
  EXPECT_TRUE(notices.due(2 * kMany, at(milliseconds(2))));
}

TEST(OffsetNotices, never_tell_what_went_back) {
  OffsetNotices notices(100, at(seconds(0)));
  EXPECT_FALSE(notices.due(50, at(seconds(10))));
}

}  // namespace
}  // namespace holdfast::uploads
