#include "holdfast/core/protocol/preconditions.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

constexpr std::string_view kTag = "\"c-abc\"", kFormer = "si-";

Precondition match(std::vector<std::string_view> fields) {
  return judge({std::move(fields), {}}, kTag, kFormer);
}
Precondition none_match(std::vector<std::string_view> fields) {
  return judge({{}, std::move(fields)}, kTag, kFormer);
}

TEST(Preconditions, IfMatchWantsTheSameStrongTag) {
  EXPECT_EQ(match({}), Precondition::holds);
  for (const char* field : {"\"c-abc\"", "*", "\"x\", \"c-abc\"", " \"c-abc\" ,", "W/\"y\",\"c-abc\""}) {
    EXPECT_EQ(match({field}), Precondition::holds) << field;
  }
  for (const char* field :
       {"", "\"x\"", "W/\"c-abc\"", "c-abc", "si-", "\"c-abc", "w/\"c-abc\"", "\"c-ABC\"", "\"*\""}) {
    EXPECT_EQ(match({field}), Precondition::failed) << field;
  }
  EXPECT_EQ(match({"\"x\"", "\"c-abc\""}), Precondition::holds) << "two fields are one list";
}

TEST(Preconditions, IfNoneMatchTakesWeakTagsAndTheFormerOne) {
  EXPECT_EQ(none_match({}), Precondition::holds);
  for (const char* field : {"\"c-abc\"", "*", "W/\"c-abc\"", "\"a,b\", \"c-abc\"", "si-", "\"x\" si-", "\"x\",si-"}) {
    EXPECT_EQ(none_match({field}), Precondition::not_modified) << field;
  }
  for (const char* field : {"", "\"x\"", "c-abc", "\"c-abc", "si-json", "\"a,\"c-abc\"\"", "W/c-abc"}) {
    EXPECT_EQ(none_match({field}), Precondition::holds) << field;
  }
}

TEST(Preconditions, IfMatchIsAskedFirst) {
  EXPECT_EQ(judge({{"\"x\""}, {kTag}}, kTag, kFormer), Precondition::failed);
  EXPECT_EQ(judge({{kTag}, {kTag}}, kTag, kFormer), Precondition::not_modified);
}

TEST(Preconditions, IfRangeStandsByTheSameStrongTagOnly) {
  EXPECT_TRUE(range_stands(std::nullopt, kTag));
  EXPECT_TRUE(range_stands(" \"c-abc\"", kTag));
  for (const char* field :
       {"", "\"x\"", "W/\"c-abc\"", "*", "c-abc", "Sun, 06 Nov 1994 08:49:37 GMT", "\"c-abc\",\"x\""}) {
    EXPECT_FALSE(range_stands(field, kTag)) << field;
  }
}

}  // namespace
}  // namespace holdfast::protocol
