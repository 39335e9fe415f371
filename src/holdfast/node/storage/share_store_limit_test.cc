// partial.max_bytes: what incomplete uploads may take in all (storage-server.md 8).
#include <gtest/gtest.h>

#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::Client;
using test::sample_index;

class PartialLimit : public testing::Test {
 protected:
  /// So many times one share's bytes.
  void limit_to(double shares) {
    machine_.options.partial_bytes_max = static_cast<std::uint64_t>(shares * static_cast<double>(size_));
    ASSERT_TRUE(machine_.start().has_value());
  }
  ShareStore& store() { return machine_.store(); }
  std::string upload(Client& client, std::size_t patches = 100) {
    return code(machine_.run(client.upload(&store(), patches)));
  }
  bool allocated(const Client& client) {
    return machine_.run(store().allocate(sample_index(), client.allocation()))->allocated.contains(client.number);
  }
  bool kept(const Client& client) {
    return machine_.run(store().status(sample_index(), client.secret))->incomplete.contains(client.number);
  }
  std::uint64_t bytes() { return store().gauges().active_bytes + store().gauges().dormant_bytes; }
  std::uint64_t most() const { return *machine_.options.partial_bytes_max; }
  static std::string code(const Result<void>& result) {
    return result ? "fine" : std::string(to_string(result.error().code));
  }

  test::Machine machine_;
  const std::uint64_t size_ = Client().share.size();
};

TEST_F(PartialLimit, AShareThatCouldNeverEndIsLeftOut) {
  limit_to(0.9);
  Client client;
  EXPECT_EQ(upload(client), "no_space");
  EXPECT_FALSE(kept(client));
  limit_to(1);
  EXPECT_EQ(upload(client), "fine");
}

TEST_F(PartialLimit, ActiveUploadsKeepWhatTheyWerePromised) {
  limit_to(2.5);
  Client first(1), second(2), third(3);
  EXPECT_TRUE(allocated(first));
  EXPECT_TRUE(allocated(second));
  EXPECT_FALSE(allocated(third));
  EXPECT_TRUE(allocated(first)) << "again";
  EXPECT_EQ(upload(first), "fine");
  EXPECT_TRUE(allocated(third)) << "a complete share is no partial";
}

TEST_F(PartialLimit, DormantUploadsGoLongestIdleFirstWhenBytesArriveAndNotBefore) {
  limit_to(2);
  Client oldest(1), older(2), fresh(3);
  upload(oldest, 2);
  machine_.pass(minutes(5));
  upload(older, 2);
  machine_.pass(minutes(31));
  EXPECT_TRUE(allocated(fresh));
  EXPECT_TRUE(kept(oldest) && kept(older));
  fresh.patch_bytes = size_ - 1;
  EXPECT_EQ(upload(fresh, 1), "cancelled");
  EXPECT_FALSE(kept(oldest));
  EXPECT_TRUE(kept(older));
  EXPECT_EQ(store().counters().evictions, 1u);
  EXPECT_LE(bytes(), most());
  EXPECT_EQ(upload(fresh), "fine");
}

TEST_F(PartialLimit, BytesBeyondItAreRefusedAndWhatIsHeldStays) {
  limit_to(1.5);
  Client sleeper(1), fresh(2);
  sleeper.patch_bytes = size_ * 3 / 4;
  upload(sleeper, 1);
  machine_.pass(minutes(31));
  EXPECT_TRUE(allocated(fresh));
  // The sleeper wakes without asking: nobody is dormant any more, and both want to end.
  const auto held = machine_.run(sleeper.patch(&store(), {sleeper.patch_bytes, sleeper.patch_bytes + 10}));
  ASSERT_TRUE(held.has_value());
  fresh.patch_bytes = size_ - 100;
  EXPECT_EQ(code(machine_.run([](Client* client, ShareStore* to, Range range) -> io::Task<Result<void>> {
              HF_CO_TRY_VOID(co_await client->patch(to, range));
              co_return Result<void>{};
            }(&fresh, &store(), {0, fresh.patch_bytes}))),
            "no_space");
  EXPECT_LE(bytes(), most());
  EXPECT_TRUE(kept(sleeper));
  EXPECT_EQ(upload(sleeper), "fine");
  EXPECT_EQ(upload(fresh), "fine");
}

io::Task<void> upload_into(Client* client, ShareStore* store) {
  static_cast<void>(co_await client->upload(store, 1));
}

io::Task<void> all_at_once(std::vector<Client>* clients, ShareStore* store) {
  io::TaskGroup group(co_await io::this_scope());
  for (Client& client : *clients) group.spawn(upload_into(&client, store));
  co_await group.join();
}

TEST_F(PartialLimit, HoldsForUploadsThatRunAtOnce) {
  limit_to(3);
  std::vector<Client> clients;
  for (ShareNumber number = 0; number < 8; ++number) clients.emplace_back(number);
  for (Client& client : clients) client.patch_bytes = size_ - 1;
  machine_.finish(all_at_once(&clients, &store()));
  EXPECT_EQ(store().gauges().active, 3u);
  EXPECT_EQ(bytes(), 3 * (size_ - 1));
}

TEST_F(PartialLimit, ALowerOneIsReachedAsUploadsFallAsleep) {
  limit_to(3);
  Client first(1), second(2);
  first.patch_bytes = second.patch_bytes = size_ - 1;
  upload(first, 1);
  upload(second, 1);
  limit_to(1);
  machine_.pass(seconds(5));
  EXPECT_GT(bytes(), most()) << "both may still be at work";
  machine_.pass(minutes(31));
  EXPECT_LE(bytes(), most());
}

}  // namespace
}  // namespace holdfast::storage
