// The garbage collector at work on a bucket while somebody else is.
#include <gtest/gtest.h>

#include "holdfast/node/storage/garbage_collector_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::seconds;
using test::Client;
using test::collect;
using test::Collecting;
using test::lease_of;
using test::sample_index;

io::Task<void> later(io::Task<void> task, int turns) {
  for (int i = 0; i < turns; ++i) co_await io::sleep_for(io::Duration{0});
  co_await std::move(task);
}

io::Task<void> both(io::Task<void> a, int a_waits, io::Task<void> b, int b_waits) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(later(std::move(a), a_waits));
  group.spawn(later(std::move(b), b_waits));
  co_await group.join();
}

io::Task<void> renew(ShareStore* store, StorageIndex si, bool* renewed) {
  LeaseRequest lease = lease_of('z');
  const Result<std::size_t> done = co_await store->add_lease(si, std::move(lease));
  *renewed = done.has_value();
}

io::Task<void> allocate(ShareStore* store, Client* client, bool* has) {
  ShareStore::Allocation wish = client->allocation();
  const auto reply = co_await store->allocate(sample_index(), std::move(wish));
  *has = reply && reply->already_have.contains(client->number);
}

io::Task<void> finish_upload(ShareStore* store, Client* client) {
  static_cast<void>(co_await client->upload(store));
}

/// Settled, with one share whose lease has ended, on which both work, one of them so many turns later.
class AtOnce : public testing::TestWithParam<int> {
 protected:
  AtOnce() {
    HF_CHECK(on_.start().has_value());
    on_.machine.store().restore_clock(on_.machine.loop.wall_seconds());
    on_.put(sample_index(), 4, {on_.ends_in(-1)});
  }
  int collector_waits() const { return std::max(0, -GetParam()); }
  int other_waits() const { return std::max(0, GetParam()); }
  void with_the_collector(io::Task<void> other) {
    on_.machine.finish(both(collect(&on_.machine.store(), sample_index(), on_.policy), collector_waits(),
                            std::move(other), other_waits()));
  }
  Collecting on_;
};
INSTANTIATE_TEST_SUITE_P(Turns, AtOnce, testing::Range(-12, 13));

TEST_P(AtOnce, WhatIsRenewedStays) {
  bool renewed = false;
  with_the_collector(renew(&on_.machine.store(), sample_index(), &renewed));
  EXPECT_EQ(renewed, on_.has(sample_index(), 4));
}

TEST_P(AtOnce, AnUploaderIsNotToldOfAShareThatGoes) {
  Client client;
  bool has = false;
  with_the_collector(allocate(&on_.machine.store(), &client, &has));
  EXPECT_EQ(has, on_.has(sample_index(), 4));
  ASSERT_TRUE(on_.machine.run(client.upload(&on_.machine.store())).has_value());
  EXPECT_TRUE(on_.has(sample_index(), 4));
}

TEST_P(AtOnce, AShareThatIsJustPlacedFindsItsDirectory) {
  Client client(5);
  client.patch_bytes = 100'000;
  with_the_collector(finish_upload(&on_.machine.store(), &client));
  EXPECT_TRUE(client.done);
  EXPECT_TRUE(on_.has(sample_index(), 5));
}

/// Holds one job, or only its end, back until it is told.
class HoldingPool final : public io::WorkerPool {
 public:
  enum class Hold { nothing, job, end };
  explicit HoldingPool(io::Loop& loop) : inner_(io::make_inline_pool(loop)) {}
  void submit(std::function<void()> job, std::function<void()> done) override {
    const Hold what = std::exchange(hold_next, Hold::nothing);
    if (what == Hold::nothing) return inner_->submit(std::move(job), std::move(done));
    if (what == Hold::end) std::exchange(job, [] {})();
    held_ = {std::move(job), std::move(done)};
  }
  void release() { inner_->submit(std::move(held_.first), std::move(held_.second)); }
  Hold hold_next = Hold::nothing;

 private:
  std::unique_ptr<io::WorkerPool> inner_;
  std::pair<std::function<void()>, std::function<void()>> held_;
};

/// A store whose disk can be slow at the worst moment.
class SlowDisk : public testing::Test {
 protected:
  SlowDisk() {
    HF_CHECK(on_.machine.run(store_.open()).has_value());
    store_.restore_clock(on_.machine.loop.wall_seconds());
  }
  static ShareStore::World with(ShareStore::World world, io::WorkerPool& pool) {
    return {world.loop, pool, world.files, world.log};
  }

  Collecting on_;
  HoldingPool pool_{on_.machine.loop};
  ShareStore store_{with(on_.machine.world(), pool_), on_.machine.options};
};

io::Task<void> release_later(HoldingPool* pool, const Client* client, bool* waited) {
  co_await io::sleep_for(seconds(5));
  *waited = !client->done;
  pool->release();
}

TEST_F(SlowDisk, AShareIsNotPlacedWhileItsDirectoryIsLookedAt) {
  ASSERT_TRUE(on_.machine.fs.make_directories(on_.machine.paths().bucket(sample_index())).has_value());
  Client client(5);
  bool waited = false;
  pool_.hold_next = HoldingPool::Hold::job;
  on_.machine.finish(both(both(collect(&store_, sample_index(), on_.policy), 0, finish_upload(&store_, &client), 3), 0,
                          release_later(&pool_, &client, &waited), 0));
  EXPECT_TRUE(waited);
  EXPECT_TRUE(client.done);
  EXPECT_TRUE(on_.has(sample_index(), 5));
}

io::Task<void> collect_and_release(ShareStore* store, ExpiryPolicy policy, HoldingPool* pool) {
  static_cast<void>(co_await store->collect(sample_index(), policy));
  pool->release();
}

TEST_F(SlowDisk, AShareThatWasListedAndWentIsAllocatedAnew) {
  on_.put(sample_index(), 4, {on_.ends_in(-1)});
  Client client;
  bool has = true;
  pool_.hold_next = HoldingPool::Hold::end;
  on_.machine.finish(both(allocate(&store_, &client, &has), 0, collect_and_release(&store_, on_.policy, &pool_), 1));
  EXPECT_FALSE(on_.has(sample_index(), 4));
  EXPECT_FALSE(has);
  EXPECT_TRUE(on_.machine.run(store_.status(sample_index(), client.secret))->incomplete.contains(4));
}

TEST(AtOnceTogether, BothOutcomesHappen) {
  std::set<bool> outcomes;
  for (const int waits : {-12, 12}) {
    Collecting on;
    ASSERT_TRUE(on.start().has_value());
    on.machine.store().restore_clock(on.machine.loop.wall_seconds());
    on.put(sample_index(), 4, {on.ends_in(-1)});
    bool renewed = false;
    on.machine.finish(both(collect(&on.machine.store(), sample_index(), on.policy), std::max(0, -waits),
                           renew(&on.machine.store(), sample_index(), &renewed), std::max(0, waits)));
    outcomes.insert(renewed);
  }
  EXPECT_EQ(outcomes.size(), 2u);
}

}  // namespace
}  // namespace holdfast::storage
