// Who may send a share when others come at the same moment, and how much may be asked for.
#include <gtest/gtest.h>

#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::Client;
using test::sample_index;

constexpr std::uint64_t kMuch = 1'000'000'000;

class Admission : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(machine_.start().has_value()); }
  ShareStore& store() { return machine_.store(); }
  /// So many uploads, each with almost a share, of whom nobody has heard for half an hour; and a full disk.
  void fill_with_sleepers(ShareNumber count) {
    for (ShareNumber number = 0; number < count; ++number) {
      Client client(number);
      client.patch_bytes = client.share.size() - 1;
      static_cast<void>(machine_.run(client.upload(&store(), 1)));
    }
    machine_.pass(minutes(31));
    machine_.fs.set_capacity(kMuch);
    machine_.fs.set_capacity(kMuch - machine_.fs.free_bytes("/").value());
    machine_.pass(seconds(2));
  }
  std::size_t ask(std::uint8_t index, const Client& client, std::set<ShareNumber> numbers, std::uint64_t size) {
    ShareStore::Allocation wish = client.allocation();
    wish.request.share_numbers = std::move(numbers);
    wish.request.allocated_size = size;
    return machine_.run(store().allocate(StorageIndex::from(Bytes(16, index)), std::move(wish)))->allocated.size();
  }

  test::Machine machine_;
};

io::Task<void> allocate_into(ShareStore* store, const Client* client, bool* allocated) {
  ShareStore::Allocation wish = client->allocation();
  const auto reply = co_await store->allocate(sample_index(), std::move(wish));
  *allocated = reply && reply->allocated.contains(client->number);
}

io::Task<void> allocate_both(ShareStore* store, const Client* one, const Client* other, bool* first, bool* second) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(allocate_into(store, one, first));
  group.spawn(allocate_into(store, other, second));
  co_await group.join();
}

TEST_F(Admission, OfTwoWhoWaitForRoomForTheSameShareOnlyOneIsToldToSendIt) {
  fill_with_sleepers(4);
  const Client one(9, 'A'), other(9, 'B');
  bool first = false, second = false;
  machine_.finish(allocate_both(&store(), &one, &other, &first, &second));
  EXPECT_GE(store().counters().evictions, 1U) << "somebody had to wait";
  EXPECT_NE(first, second);
}

TEST_F(Admission, ForAShareThatAnotherIsAboutToSendNobodyLosesAnything) {
  fill_with_sleepers(4);
  const Client one(9, 'A'), other(9, 'B');
  bool first = false, second = false;
  machine_.finish(allocate_into(&store(), &one, &first));
  ASSERT_TRUE(first);
  const std::uint64_t evictions = store().counters().evictions;
  machine_.finish(allocate_into(&store(), &other, &second));
  EXPECT_FALSE(second);
  EXPECT_EQ(store().counters().evictions, evictions);
}

TEST_F(Admission, UploadsThatHoldNothingAreNotMadeWithoutEnd) {
  machine_.options.partial_idle_seconds = 10;
  ASSERT_TRUE(machine_.start().has_value());
  std::set<ShareNumber> all;
  for (ShareNumber number = 0; number < 256; ++number) all.insert(number);
  std::size_t allocated = 0;
  for (std::uint8_t index = 1; index <= 41; ++index) allocated += ask(index, Client(1), all, 1);
  EXPECT_EQ(allocated, 10'000U);
  EXPECT_EQ(store().gauges().active, allocated);
  EXPECT_EQ(ask(99, Client(1), {1}, 1), 0U);
  EXPECT_EQ(ask(1, Client(1), {1}, 1), 1U) << "whoever has one may go on";
  machine_.pass(seconds(12));
  EXPECT_EQ(ask(99, Client(1), {1}, 1), 1U);
}

TEST_F(Admission, WhatIsPromisedInOneMessageCountsForTheNextShareOfIt) {
  machine_.fs.set_capacity(10'000);
  machine_.pass(seconds(2));
  EXPECT_EQ(ask(1, Client(1), {1, 2, 3, 4, 5}, 3'000), 3U);
  EXPECT_EQ(ask(2, Client(1), {1}, 3'000), 0U);
  EXPECT_EQ(ask(2, Client(1), {1}, 900), 1U);
}

TEST_F(Admission, AShareWithoutADurableNameIsNoneYet) {
  bool met = false;
  for (std::uint64_t n = 0; n < 60; ++n) {
    test::Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    Client client;
    client.patch_bytes = client.share.size() - 1;
    static_cast<void>(machine.run(client.upload(&machine.store(), 1)));
    for (const std::uint64_t i : {0U, 1U}) machine.fs.fail_operation(machine.fs.operations() + n + i, Errc::io);
    const Result<void> uploaded = machine.run(client.upload(&machine.store()));
    if (uploaded) continue;
    const auto listed = machine.run(machine.store().list(sample_index()));
    if (!listed || listed->contains(client.number)) continue;
    met = met || machine.fs.info(machine.paths().share(sample_index(), client.number)).has_value();
    const auto opened = machine.run(machine.store().open_share(sample_index(), client.number));
    EXPECT_FALSE(opened.has_value()) << n;
    ShareStore::Allocation wish = client.allocation();
    EXPECT_FALSE(machine.run(machine.store().add_lease(sample_index(), std::move(wish.lease))).has_value()) << n;
    client.done = false;
    EXPECT_TRUE(machine.run(client.upload(&machine.store())).has_value()) << n;
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    EXPECT_TRUE(machine.run(machine.store().list(sample_index()))->contains(client.number)) << n;
  }
  EXPECT_TRUE(met) << "the name was there at least once and could not be taken back";
}

TEST_F(Admission, NobodyIsToldThatAnUploadIsGoneWhenItsFilesAreNot) {
  Client client;
  static_cast<void>(machine_.run(client.upload(&store(), 2)));
  machine_.fs.fail_operation(machine_.fs.operations(), Errc::io);
  const Result<void> aborted = machine_.run(store().abort(sample_index(), client.number, client.secret));
  ASSERT_FALSE(aborted.has_value());
  EXPECT_EQ(aborted.error().code, Errc::io);
}

}  // namespace
}  // namespace holdfast::storage
