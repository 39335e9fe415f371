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

io::Task<void> upload_once(Client* client, ShareStore* store) {
  static_cast<void>(co_await client->upload(store, 1));
}

/// Nine sleepers, each with all but a byte of a share; then six others at the same moment.
class Crowd : public testing::Test {
 protected:
  void sleep(std::optional<std::uint64_t> bytes_max) {
    machine_.options.partial_bytes_max = bytes_max;
    ASSERT_TRUE(machine_.start().has_value());
    for (ShareNumber number = 0; number < 9; ++number) {
      Client client(number);
      client.patch_bytes = share_bytes_ - 1;
      static_cast<void>(machine_.run(client.upload(&machine_.store(), 1)));
      machine_.pass(seconds(5));
    }
    machine_.pass(minutes(31));
    ASSERT_EQ(machine_.store().gauges().dormant, 9u);
    for (ShareNumber number = 0; number < 6; ++number) clients_.emplace_back(number, static_cast<char>('A' + number));
  }
  io::Task<void> all_at_once() {
    io::TaskGroup group(co_await io::this_scope());
    for (Client& client : clients_) group.spawn(upload_once(&client, &machine_.store()));
    co_await group.join();
  }

  const std::uint64_t share_bytes_ = Client().share.size();
  test::Machine machine_;
  std::vector<Client> clients_;
};

TEST_F(Crowd, OfThoseWhoNeedTheRoomOfOneOnlyOneIsSentAway) {
  sleep(std::nullopt);
  for (Client& client : clients_) {
    client.share.resize(100);
    client.patch_bytes = 1;
  }
  constexpr std::uint64_t kMuch = 1'000'000'000;
  machine_.fs.set_capacity(kMuch);
  machine_.fs.set_capacity(kMuch - machine_.fs.free_bytes("/").value());
  machine_.pass(seconds(2));
  machine_.finish(all_at_once());
  EXPECT_EQ(machine_.store().counters().evictions, 1u);
}

TEST_F(Crowd, NorDoTheyUnderALimit) {
  sleep(10 * share_bytes_);
  for (Client& client : clients_) client.patch_bytes = share_bytes_ / 4 + 100;
  machine_.finish(all_at_once());
  // The tenth share takes what four bring, and a bit is left over.
  EXPECT_EQ(machine_.store().counters().evictions, 1u);
}

}  // namespace
}  // namespace holdfast::storage
