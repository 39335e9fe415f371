#include "holdfast/node/storage/collector_state.h"

#include <gtest/gtest.h>

namespace holdfast::storage {
namespace {

TEST(CollectorStateTest, SurvivesTheFile) {
  for (const CollectorState& state : {CollectorState{}, CollectorState{"ab", std::nullopt},
                                      CollectorState{"", 1'800'000'000}, CollectorState{"77", 0}}) {
    EXPECT_EQ(decode_collector_state(encode(state)), state);
  }
}

TEST(CollectorStateTest, AnythingElseIsRefused) {
  const std::string good = "holdfast collector 1\ncursor ab\nclock 5\n";
  EXPECT_TRUE(decode_collector_state(view_of(good)).has_value());
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(decode_collector_state(view_of(good.substr(0, length)))) << length;
  for (const char* bad : {"holdfast collector 2\ncursor ab\nclock 5\n", "holdfast collector 1\ncursor abc\nclock 5\n",
                          "holdfast collector 1\ncursor AB\nclock 5\n", "holdfast collector 1\ncursor ab\nclock -5\n",
                          "holdfast collector 1\ncursor ab\nclock 99999999999\n",
                          "holdfast collector 1\ncursor \nclock 5\n", "holdfast collector 1\ncursor ab\nclock 5\n\n"}) {
    EXPECT_FALSE(decode_collector_state(view_of(std::string_view(bad)))) << bad;
  }
}

}  // namespace
}  // namespace holdfast::storage
