#include "holdfast/node/helper/given_up.h"

#include <gtest/gtest.h>

namespace holdfast::helper {
namespace {

GivenUp one(int number) {
  return {"id" + std::to_string(number), 1'000, "no server \"takes\" it", 1'700'000'000 + number};
}

TEST(GivenUpList, is_read_as_it_was_written) {
  GivenUpList list;
  EXPECT_EQ(decode_given_up(encode(list)).value(), list);
  list.add(one(1));
  list.add({"big", ~std::uint64_t{0}, "", -5});
  EXPECT_EQ(decode_given_up(encode(list)).value(), list);
}

TEST(GivenUpList, keeps_the_last_hundred) {
  GivenUpList list;
  for (int i = 0; i < 250; ++i) list.add(one(i));
  ASSERT_EQ(list.items().size(), 100u);
  EXPECT_EQ(list.items().front(), one(150));
  EXPECT_EQ(list.items().back(), one(249));
}

TEST(GivenUpList, has_each_upload_once) {
  GivenUpList list;
  list.add(one(1));
  list.add(one(2));
  GivenUp again = one(1);
  again.reason = "something else";
  list.add(again);
  EXPECT_EQ(list.items(), (std::vector<GivenUp>{one(2), again}));
  EXPECT_TRUE(list.contains("id1"));
  EXPECT_TRUE(list.remove("id1"));
  EXPECT_FALSE(list.remove("id1"));
  EXPECT_FALSE(list.contains("id1"));
}

TEST(GivenUpList, keeps_long_reasons_short) {
  GivenUpList list;
  list.add({"id", 1, std::string(10'000, 'x'), 0});
  EXPECT_EQ(list.items().front().reason.size(), GivenUpList::kReasonBytesMax);
  list.add({"id", 1, "gr\xc3", 0});
  EXPECT_EQ(decode_given_up(encode(list)).value(), list) << "whatever bytes they are of";
}

TEST(GivenUpList, of_something_else_is_refused) {
  for (const std::string_view text :
       {"", "[", "{}", "[1]", "[{}]", R"([{"id":"","size":1,"reason":"","at":1}])",
        R"([{"id":"a","size":-1,"reason":"","at":1}])", R"([{"id":"a","size":1,"reason":5,"at":1}])",
        R"([{"id":"a","size":1,"reason":""}])"}) {
    EXPECT_EQ(decode_given_up(view_of(text)).error().code, Errc::malformed) << text;
  }
  EXPECT_FALSE(decode_given_up(Bytes(GivenUpList::kFileBytesMax + 1, ' ')));
}

}  // namespace
}  // namespace holdfast::helper
