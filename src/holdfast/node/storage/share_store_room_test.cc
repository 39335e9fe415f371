// Whose bytes go when there is no room, and whose do not.
#include <gtest/gtest.h>

#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::Client;
using test::sample_index;

class Room : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(machine_.start().has_value());
    static_cast<void>(machine_.run(sleeper_.upload(&store(), 2)));
    machine_.pass(minutes(31));
    ASSERT_TRUE(kept());
  }
  ShareStore& store() { return machine_.store(); }
  bool kept() {
    return machine_.run(store().status(sample_index(), sleeper_.secret))->incomplete.contains(sleeper_.number);
  }
  bool allocated(std::uint64_t size) {
    const Client other(2);
    ShareStore::Allocation allocation = other.allocation();
    allocation.request.allocated_size = size;
    return machine_.run(store().allocate(sample_index(), std::move(allocation)))->allocated.contains(other.number);
  }

  test::Machine machine_;
  Client sleeper_{1};
};

TEST_F(Room, ForWhatCouldNeverFitNobodyLosesAnything) {
  for (const std::uint64_t size : {std::uint64_t{1} << 60, ~std::uint64_t{0}}) EXPECT_FALSE(allocated(size)) << size;
  EXPECT_TRUE(kept());
  EXPECT_EQ(store().counters().evictions, 0u);
}

TEST_F(Room, AReadOnlyServerKeepsWhatItHolds) {
  machine_.options.read_only = true;
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_FALSE(allocated(100));
  EXPECT_TRUE(kept());
}

TEST_F(Room, IsMadeWhenItIsEnough) {
  machine_.fs.set_capacity(5'000);
  machine_.pass(seconds(2));
  EXPECT_TRUE(allocated(3'000));
  EXPECT_FALSE(kept());
}

}  // namespace
}  // namespace holdfast::storage
