// The share store as the routes use it, on a disk in memory and virtual time.
#include "holdfast/node/storage/share_store.h"

#include <gtest/gtest.h>

#include <functional>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/share_layout.h"
#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Client;
using test::sample_index;
using test::secret_of;

class ShareStoreTest : public testing::Test {
 protected:
  ShareStoreTest() { EXPECT_TRUE(machine_.start().has_value()); }

  ShareStore& store() { return machine_.store(); }
  std::string upload(Client& client, std::size_t patches = 100) {
    return code(machine_.run(client.upload(&store(), patches)));
  }
  std::string patch(Client& client, Range range) { return code(machine_.run(client.patch(&store(), range))); }
  std::string abort(const Client& client) {
    return code(machine_.run(store().abort(sample_index(), client.number, client.secret)));
  }
  protocol::UploadStatus status(const Client& client) {
    return machine_.run(store().status(sample_index(), client.secret)).value();
  }
  protocol::AllocateReply allocate(const Client& client) {
    return machine_.run(store().allocate(sample_index(), client.allocation())).value();
  }
  protocol::ShareSet list() { return machine_.run(store().list(sample_index())).value(); }
  std::string share_path(ShareNumber number) const { return machine_.paths().share(sample_index(), number); }
  std::string part_path(const Client& client) const {
    return machine_.paths().upload(sample_index(), client.number,
                                   crypto::upload_secret_at_rest_id(client.secret.reveal())) +
           ".part";
  }
  Result<Bytes> read(ShareNumber number) {
    HF_TRY(const ShareStore::OpenShare share, machine_.run(store().open_share(sample_index(), number)));
    return machine_.run(store().read(share, {0, share.bytes}));
  }
  std::vector<LeaseRecord> leases(ShareNumber number) {
    const auto file = machine_.fs.open(share_path(number), io::Open::read).value();
    return read_leases(*file, inspect_container(*file, false).value()).value();
  }
  /// Changes a byte of the .part behind the store's back.
  void poison(const Client& client, std::uint64_t offset) {
    const auto file = machine_.fs.open(part_path(client), io::Open::write).value();
    const Bytes wrong{static_cast<std::uint8_t>(client.share[offset] ^ 1)};
    ASSERT_TRUE(file->write(kContainerHeaderBytes + offset, wrong).has_value());
  }
  template <class T>
  static std::string code(const Result<T>& result) {
    return result ? "fine" : std::string(to_string(result.error().code));
  }
  immutable::ShareLayout layout() const {
    return immutable::ShareLayout(
        immutable::Geometry::create(immutable::make_params(3, 10, 6'000, 1'024).value()).value());
  }

  test::Machine machine_;
};

TEST_F(ShareStoreTest, TakesAShareAndGivesItBack) {
  Client client;
  EXPECT_EQ(upload(client, 2), "cancelled");
  EXPECT_EQ(list(), protocol::ShareSet{});
  EXPECT_EQ(code(read(4)), "not_found");
  EXPECT_EQ(status(client).incomplete.at(4).required, (RangeSet{{2'000, client.share.size()}}));
  EXPECT_EQ(upload(client), "fine");
  EXPECT_EQ(list(), protocol::ShareSet{4});
  EXPECT_EQ(read(4).value(), client.share);
  EXPECT_TRUE(status(client).incomplete.empty());
  EXPECT_EQ(status(client).complete, protocol::ShareSet{4});
  EXPECT_EQ(store().counters().bytes_written, client.share.size());
  EXPECT_TRUE(machine_.fs.list(machine_.paths().incoming())->empty());
}

TEST_F(ShareStoreTest, TheLeaseCountsFromTheCompletion) {
  Client client;
  upload(client, 2);
  machine_.pass(hours(1));
  upload(client);
  ASSERT_EQ(leases(4).size(), 1u);
  EXPECT_GE(leases(4)[0].expires, machine_.loop.wall_seconds() + kLeaseSeconds - 5);
}

TEST_F(ShareStoreTest, WhatASlowSenderStillHasToBringIsBeingWrittenAndWhatASilentOneHasIsNot) {
  Client client;
  allocate(client);
  const auto writer = store().begin_write(sample_index(), 4, client.secret, client.whole(), std::nullopt).value();
  for (int i = 0; i < 3; ++i) {  // not yet a piece to append
    machine_.pass(seconds(8));
    writer->hear();
    EXPECT_EQ(status(client).incomplete.at(4).writing, RangeSet{client.whole()});
  }
  machine_.pass(seconds(11));
  EXPECT_TRUE(status(client).incomplete.at(4).writing.empty());
}

TEST_F(ShareStoreTest, WhatHasComeButIsNotYetDurableIsNobodysToSend) {
  IncomingUpload upload(machine_.loop, UploadKey{}, 100, UploadFiles(machine_.fs, "/x", "/", 100));
  upload.held.add(Range{0, 20});
  upload.unsynced.add(Range{20, 30});
  upload.writings.push_back({Range{30, 100}, machine_.loop.now()});
  EXPECT_EQ(upload.required(), (RangeSet{{20, 100}}));
  EXPECT_EQ(upload.writing(machine_.loop.now()), (RangeSet{{20, 100}}));
}

TEST_F(ShareStoreTest, BytesThatDifferFromThoseHeldAreRefusedAndNotStored) {
  Client client, other;
  upload(client, 2);
  other.share[1'500] ^= 1;
  EXPECT_EQ(patch(other, {1'000, 3'000}), "conflict");
  EXPECT_EQ(patch(client, {1'000, 3'000}), "fine");
  EXPECT_EQ(upload(client), "fine");
  EXPECT_EQ(read(4).value(), client.share);
}

TEST_F(ShareStoreTest, WritesThatDoNotFitAreRefused) {
  Client client;
  allocate(client);
  const std::uint64_t size = client.share.size();
  EXPECT_EQ(code(store().begin_write(sample_index(), 4, client.secret, {size - 1, size + 1}, std::nullopt)),
            "malformed");
  EXPECT_EQ(code(store().begin_write(sample_index(), 4, client.secret, {0, 1}, size + 1)), "malformed");
  EXPECT_EQ(code(store().begin_write(sample_index(), 4, client.secret, {0, 1}, size)), "fine");
  EXPECT_EQ(code(store().begin_write(sample_index(), 5, client.secret, {0, 1}, size)), "not_found");
}

TEST_F(ShareStoreTest, AnotherSecretMayNeitherWriteNorAbortNorLook) {
  Client owner, stranger(4, 's');
  upload(owner, 2);
  EXPECT_EQ(code(store().begin_write(sample_index(), 4, stranger.secret, {0, 1}, std::nullopt)), "unauthorized");
  EXPECT_EQ(abort(stranger), "unauthorized");
  EXPECT_TRUE(status(stranger).incomplete.empty());
  EXPECT_EQ(status(stranger).busy, protocol::ShareSet{4});
  EXPECT_EQ(allocate(stranger).allocated, protocol::ShareSet{});
  EXPECT_EQ(upload(owner), "fine");
}

TEST_F(ShareStoreTest, AnAbortedUploadIsGone) {
  Client client;
  upload(client, 2);
  EXPECT_EQ(abort(client), "fine");
  EXPECT_EQ(abort(client), "not_found");
  EXPECT_EQ(code(machine_.fs.info(part_path(client))), "not_found");
  EXPECT_EQ(patch(client, {0, 10}), "not_found");
  EXPECT_EQ(upload(client), "fine");
  EXPECT_EQ(abort(client), "unsupported");
}

io::Task<void> later(io::Task<Result<void>> task, int turns, Result<void>* out) {
  for (int i = 0; i < turns; ++i) co_await io::sleep_for(io::Duration{0});
  *out = co_await std::move(task);
}

io::Task<void> both(io::Task<Result<void>> a, io::Task<Result<void>> b, int turns, Result<void>* result_a,
                    Result<void>* result_b) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(later(std::move(a), 0, result_a));
  group.spawn(later(std::move(b), turns, result_b));
  co_await group.join();
}

io::Task<Result<void>> last_patch(Client* client, ShareStore* store, Range range) {
  HF_CO_TRY_VOID(co_await client->patch(store, range));
  co_return Result<void>{};
}

TEST_F(ShareStoreTest, AnAbortAndACompletionAtOnceHaveOneWinner) {
  std::set<std::string> winners;
  for (int turns = 0; turns < 25; ++turns) {
    test::Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    Client client;
    client.patch_bytes = client.share.size() - 10;
    static_cast<void>(machine.run(client.upload(&machine.store(), 1)));
    Result<void> finished, aborted;
    machine.finish(both(last_patch(&client, &machine.store(), {client.patch_bytes, client.share.size()}),
                        machine.store().abort(sample_index(), 4, client.secret), turns, &finished, &aborted));
    const bool complete = machine.run(machine.store().list(sample_index()))->contains(4);
    winners.insert(code(finished) + ", " + code(aborted) + (complete ? ", complete" : ", gone"));
    EXPECT_EQ(complete, machine.fs.info(machine.paths().share(sample_index(), 4)).has_value());
    EXPECT_TRUE(machine.fs.list(machine.paths().incoming())->empty()) << turns;
  }
  EXPECT_EQ(winners, (std::set<std::string>{"fine, unsupported, complete", "not_found, fine, gone"}));
}

io::Task<Result<void>> uploaded(Client* client, ShareStore* store) {
  co_return co_await client->upload(store);
}

TEST_F(ShareStoreTest, AnAllocationWhileTheOldUploadEndsGetsAFreshOne) {
  for (int turns = 0; turns < 25; ++turns) {
    test::Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    Client first, again;
    static_cast<void>(machine.run(first.upload(&machine.store(), 3)));
    Result<void> aborted, done;
    machine.finish(both(machine.store().abort(sample_index(), 4, first.secret), uploaded(&again, &machine.store()),
                        turns, &aborted, &done));
    EXPECT_TRUE(again.done || !done) << turns;
    EXPECT_TRUE(machine.run(again.upload(&machine.store())).has_value()) << turns;
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    EXPECT_TRUE(machine.run(machine.store().list(sample_index()))->contains(4)) << turns;
  }
}

TEST_F(ShareStoreTest, OfAPoisonedPartialOnlyWrongBlocksAreAskedForAgain) {
  Client client;
  upload(client, 3);
  const Range block = layout().block(2);
  machine_.stop();
  poison(client, block.begin + 7);
  ASSERT_TRUE(machine_.start().has_value());
  const RangeSet required = status(client).incomplete.at(4).required;
  ASSERT_EQ(required.count(), 1u);
  const auto answer = machine_.run(client.patch(&store(), required.front()));
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(client.done);
  EXPECT_EQ(*answer, RangeSet{block});
  EXPECT_EQ(list(), protocol::ShareSet{});
  EXPECT_EQ(store().counters().audit_failures, 1u);
  machine_.cut_power();  // the withdrawal is durable
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(status(client).incomplete.at(4).required, RangeSet{block});
  EXPECT_EQ(patch(client, block), "fine");
  EXPECT_TRUE(client.done);
  EXPECT_EQ(read(4).value(), client.share);
}

TEST_F(ShareStoreTest, AnUploadThatFailsThreeAuditsIsDropped) {
  Client client;
  client.share[layout().block(2).begin] ^= 1;
  EXPECT_EQ(upload(client), "not_found");
  EXPECT_EQ(store().counters().audit_failures, 3u);
  EXPECT_EQ(list(), protocol::ShareSet{});
  EXPECT_TRUE(status(client).incomplete.empty());
}

TEST_F(ShareStoreTest, WhatIsNoShareIsTakenAsItIs) {
  for (const bool resumable : {false, true}) {
    Client client(resumable ? 1 : 2);
    client.resumable = resumable;
    client.share = to_bytes("any bytes whatever, as the tests of the reference send them");
    EXPECT_EQ(upload(client), "fine");
    EXPECT_EQ(read(client.number).value(), client.share);
  }
}

TEST_F(ShareStoreTest, LeasesAreRenewedByAllocationAndByRequest) {
  Client client;
  upload(client);
  machine_.pass(seconds(100));
  const std::int64_t now = machine_.loop.wall_seconds();
  EXPECT_EQ(allocate(client).already_have, protocol::ShareSet{4});
  ASSERT_EQ(leases(4).size(), 1u);
  EXPECT_EQ(leases(4)[0].expires, now + kLeaseSeconds);
  const LeaseRequest other{1, secret_of('x'), secret_of('y')};
  EXPECT_EQ(machine_.run(store().add_lease(sample_index(), other)).value(), 1u);
  EXPECT_EQ(machine_.run(store().add_lease(sample_index(), other)).value(), 1u);
  EXPECT_EQ(leases(4).size(), 2u);
  EXPECT_EQ(read(4).value(), client.share);
  EXPECT_EQ(code(machine_.run(store().add_lease(StorageIndex{}, other))), "not_found");
}

TEST_F(ShareStoreTest, TwoUploadersOfOneUploadLeaveBothLeases) {
  Client first, second;
  upload(first, 2);
  ShareStore::Allocation allocation = second.allocation();
  allocation.lease = {0, secret_of('2'), secret_of('3')};
  machine_.run(store().allocate(sample_index(), allocation)).value();
  machine_.run(store().allocate(sample_index(), allocation)).value();
  machine_.stop();
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(upload(first), "fine");
  EXPECT_EQ(leases(4).size(), 2u);
}

TEST_F(ShareStoreTest, APartialIsDormantAfterHalfAnHourAndGoneAfterItsRetention) {
  machine_.options.partial_retention_seconds = 2 * 3'600;
  ASSERT_TRUE(machine_.start().has_value());
  Client client, other(4, 'o');
  upload(client, 2);
  machine_.pass(minutes(29));
  EXPECT_EQ(store().gauges().active, 1u);
  EXPECT_EQ(status(other).busy, protocol::ShareSet{4});
  machine_.pass(minutes(2));
  EXPECT_EQ(store().gauges().dormant, 1u);
  EXPECT_EQ(status(other).busy, protocol::ShareSet{});
  EXPECT_EQ(status(client).incomplete.at(4).required, (RangeSet{{2'000, client.share.size()}}));
  machine_.pass(minutes(88));
  EXPECT_EQ(store().gauges().dormant, 1u);
  machine_.pass(minutes(2));
  EXPECT_TRUE(status(client).incomplete.empty());
  EXPECT_EQ(store().counters().expired, 1u);
  EXPECT_TRUE(machine_.fs.list(machine_.paths().incoming())->empty());
}

TEST_F(ShareStoreTest, ARestartNeitherShortensNorProlongsTheWeek) {
  Client client;
  upload(client, 2);
  for (int day = 0; day < 7; ++day) {
    machine_.stop();
    machine_.loop.jump_wall_clock(24 * 3'600);
    ASSERT_TRUE(machine_.start().has_value());
    EXPECT_EQ(status(client).incomplete.size(), day < 6 ? 1u : 0u) << day;
  }
}

TEST_F(ShareStoreTest, WhatSeemsToHaveBeenIdleForYearsGetsOneMoreDay) {
  Client client;
  upload(client, 2);
  machine_.stop();
  machine_.loop.jump_wall_clock(3'652LL * 86'400);
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(status(client).incomplete.size(), 1u);
  EXPECT_TRUE(machine_.run(io::sleep_for(hours(24))));
  machine_.pass(seconds(2));
  EXPECT_TRUE(status(client).incomplete.empty());
}

TEST_F(ShareStoreTest, f26_AClockTenYearsAheadOrBehindEndsNoPartialWhetherTheServerRunsOrStarts) {
  constexpr std::int64_t decade = 3'652LL * 86'400;
  for (const std::int64_t jump : {decade, -decade, decade / 2, -decade / 2}) {
    for (const bool while_running : {true, false}) {
      SCOPED_TRACE(std::to_string(jump) + (while_running ? ", while it runs" : ", while it is off"));
      test::Machine machine;
      ASSERT_TRUE(machine.start().has_value());
      Client client;
      static_cast<void>(machine.run(client.upload(&machine.store(), 2)));
      const auto held = [&] {
        const auto said = machine.run(machine.store().status(sample_index(), client.secret)).value();
        return said.incomplete.contains(4) ? said.incomplete.at(4).required.gaps(client.whole()) : RangeSet{};
      };
      const RangeSet before = held();
      EXPECT_EQ(before.total(), 2'000u);
      // There, with a restart or without, then back, and once more a restart.
      if (!while_running) machine.stop();
      machine.loop.jump_wall_clock(jump);
      if (while_running) machine.pass(minutes(1));
      ASSERT_TRUE(machine.start().has_value());
      machine.pass(minutes(20));
      EXPECT_EQ(held(), before);
      machine.loop.jump_wall_clock(-jump);
      machine.pass(minutes(1));
      ASSERT_TRUE(machine.start().has_value());
      machine.pass(minutes(20));
      EXPECT_EQ(held(), before);
      EXPECT_TRUE(machine.run(client.upload(&machine.store())).has_value());
      EXPECT_TRUE(client.done);
    }
  }
}

TEST_F(ShareStoreTest, EmptyAndLegacyUploadsGoWhenTheyAreIdle) {
  Client empty(1), legacy(2);
  legacy.resumable = false;
  allocate(empty);
  upload(legacy, 2);
  machine_.pass(minutes(29));
  EXPECT_EQ(store().gauges().active, 2u);
  machine_.pass(minutes(2));
  EXPECT_EQ(store().gauges().active + store().gauges().dormant, 0u);
  EXPECT_TRUE(machine_.fs.list(machine_.paths().incoming())->empty());
}

TEST_F(ShareStoreTest, LegacyUploadsDoNotOutliveTheProcess) {
  Client legacy;
  legacy.resumable = false;
  upload(legacy, 2);
  machine_.stop();
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_TRUE(status(legacy).incomplete.empty());
  EXPECT_TRUE(machine_.fs.list(machine_.paths().incoming())->empty());
}

TEST_F(ShareStoreTest, ADormantUploadMakesWayForOneThatCompletes) {
  Client sleeper, other(4, 'o');
  upload(sleeper, 2);
  machine_.pass(minutes(31));
  EXPECT_EQ(upload(other), "fine");
  EXPECT_TRUE(status(sleeper).incomplete.empty());
  EXPECT_EQ(code(machine_.fs.info(part_path(sleeper))), "not_found");
  EXPECT_EQ(upload(sleeper), "fine");
  EXPECT_EQ(read(4).value(), other.share);
}

TEST_F(ShareStoreTest, DormantBytesAreEvictedOnlyWhenRoomIsNeeded) {
  Client sleeper(1), fresh(2);
  upload(sleeper, 2);
  machine_.pass(minutes(31));
  machine_.fs.set_capacity(10'000);
  machine_.pass(seconds(2));
  EXPECT_EQ(allocate(fresh).allocated, protocol::ShareSet{2});
  EXPECT_EQ(store().counters().evictions, 0u);
  EXPECT_EQ(abort(fresh), "fine");
  machine_.fs.set_capacity(6'500);
  machine_.pass(seconds(2));
  EXPECT_EQ(allocate(fresh).allocated, protocol::ShareSet{2});
  EXPECT_EQ(store().counters().evictions, 1u);
  EXPECT_FALSE(status(sleeper).incomplete.contains(1));
}

TEST_F(ShareStoreTest, AFullDiskKeepsWhatIsHeldAndTheUploadGoesOnWhenThereIsRoom) {
  Client client;
  upload(client, 2);
  machine_.fs.set_capacity(4'000);
  EXPECT_EQ(upload(client), "no_space");
  machine_.pass(seconds(5));
  EXPECT_TRUE(status(client).incomplete.at(4).required.gaps(client.whole()).contains(Range{0, 2'000}));
  machine_.fs.set_capacity(1'000'000);
  machine_.pass(seconds(5));
  EXPECT_EQ(upload(client), "fine");
}

TEST_F(ShareStoreTest, BytesOfACutPatchAreDurableASecondLater) {
  Client client;
  allocate(client);
  {
    const auto writer = store().begin_write(sample_index(), 4, client.secret, {0, 2'000}, std::nullopt).value();
    ASSERT_TRUE(machine_.run(writer->append(to_buffer(ByteView(client.share).first(700)))).has_value());
  }
  machine_.pass(seconds(3));
  machine_.cut_power();
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(status(client).incomplete.at(4).required, (RangeSet{{700, client.share.size()}}));
}

/// Allocates half a second before the store tends itself, sends a little, and is killed a moment after that.
io::Task<void> be_killed_early(test::Machine* machine, Client* client) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(machine->store().tend());
  co_await io::sleep_for(std::chrono::milliseconds(500));
  ShareStore::Allocation allocation = client->allocation();
  static_cast<void>(co_await machine->store().allocate(sample_index(), std::move(allocation)));
  const auto writer = machine->store().begin_write(sample_index(), 4, client->secret, {0, 2'000}, std::nullopt).value();
  Buffer some = to_buffer(ByteView(client->share).first(700));
  static_cast<void>(co_await writer->append(std::move(some)));
  co_await io::sleep_for(std::chrono::milliseconds(600));
  machine->fs.process_killed();
  group.cancel();
  co_await group.join();
}

TEST_F(ShareStoreTest, TheFirstBytesOfAnUploadAreDurableAtTheNextTick) {
  Client client;
  machine_.finish(be_killed_early(&machine_, &client));
  machine_.kill();
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(status(client).incomplete.at(4).required, (RangeSet{{700, client.share.size()}}));
}

TEST_F(ShareStoreTest, ALongJournalIsCompactedWhileItIsUsed) {
  Client client;
  client.patch_bytes = 2;
  client.share = Bytes(8'000, 'x');  // opaque, 4000 PATCHes of a record each
  upload(client, 3'900);
  const std::string log = part_path(client).substr(0, part_path(client).size() - 5) + ".log";
  EXPECT_LT(machine_.fs.info(log)->size, 64u * 1'024 + 200);
  machine_.cut_power();
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(status(client).incomplete.at(4).required, (RangeSet{{7'800, 8'000}}));
  EXPECT_EQ(upload(client), "fine");
}

TEST_F(ShareStoreTest, ServesADirectoryAlone) {
  io::SimulatedLoop loop;
  test::QuietLog log;
  const auto pool = io::make_inline_pool(loop);
  ShareStore second(ShareStore::World{loop, *pool, machine_.fs, log}, machine_.options);
  std::optional<Result<void>> opened;
  const auto open = [](ShareStore* store, std::optional<Result<void>>* out) -> io::Task<void> {
    out->emplace(co_await store->open());
  };
  io::CancelScope scope(loop);
  ASSERT_TRUE(loop.run(open(&second, &opened), scope));
  EXPECT_EQ(code(*opened), "conflict");
}

TEST_F(ShareStoreTest, ANameThatIsNoShareIsNotGivenOutAgain) {
  const std::string bucket = machine_.paths().bucket(sample_index());
  ASSERT_TRUE(machine_.fs.make_directories(bucket + "/5").has_value());
  ASSERT_TRUE(machine_.fs.open(bucket + "/4", io::Open::create).has_value());  // a power failure left it empty
  for (const ShareNumber number : {4, 5}) {
    const Client client(number);
    const auto reply = machine_.run(machine_.store().allocate(sample_index(), client.allocation())).value();
    EXPECT_TRUE(reply.already_have.empty() && reply.allocated.empty()) << number;
  }
  Client other(6);
  EXPECT_TRUE(machine_.run(other.upload(&machine_.store())).has_value());
}

TEST_F(ShareStoreTest, TroubleOfTheDiskIsNoAnswerOfTheProtocol) {
  for (const Errc trouble : {Errc::not_permitted, Errc::not_found, Errc::io}) {
    for (std::uint64_t n = 0;; ++n) {
      ASSERT_LT(n, 500u);
      test::Machine machine;
      Client client;
      ASSERT_TRUE(machine.start().has_value());
      static_cast<void>(machine.run(machine.store().allocate(sample_index(), client.allocation())));
      const std::uint64_t failing = machine.fs.operations() + n;
      machine.fs.fail_operation(failing, trouble);
      const auto answer = machine.run(client.patch(&machine.store(), client.whole()));
      if (machine.fs.operations() <= failing) break;
      if (answer) continue;
      EXPECT_EQ(answer.error().code, Errc::io) << answer.error().what << " at " << n;
      EXPECT_EQ(answer.error().what.find("/storage"), std::string::npos) << answer.error().what;
    }
  }
}

TEST_F(ShareStoreTest, ReadersAndLeasesMeetTroubleOfTheDiskTheSameWay) {
  const auto read = [](test::Machine& machine) -> Result<void> {
    HF_TRY(ShareStore::OpenShare share, machine.run(machine.store().open_share(sample_index(), 4)));
    HF_TRY_VOID(machine.run(machine.store().read(std::move(share), {0, 10})));
    return {};
  };
  const auto lease = [](test::Machine& machine) -> Result<void> {
    const LeaseRequest request{1, secret_of('x'), secret_of('y')};
    HF_TRY_VOID(machine.run(machine.store().add_lease(sample_index(), request)));
    return {};
  };
  for (const std::function<Result<void>(test::Machine&)>& act : {std::function(read), std::function(lease)}) {
    unsigned failed = 0;
    for (std::uint64_t n = 0;; ++n) {
      ASSERT_LT(n, 100u);
      test::Machine machine;
      ASSERT_TRUE(machine.start().has_value());
      Client client;
      ASSERT_TRUE(machine.run(client.upload(&machine.store())).has_value());
      const std::uint64_t failing = machine.fs.operations() + n;
      machine.fs.fail_operation(failing, Errc::not_permitted);
      const Result<void> answer = act(machine);
      if (machine.fs.operations() <= failing) break;
      if (answer) continue;
      ++failed;
      // A share whose head cannot be read is not listed, so that it takes no lease.
      const bool neutral = answer.error().code == Errc::io || answer.error().what == "no share of this storage index";
      EXPECT_TRUE(neutral) << answer.error().what << " at " << n;
      EXPECT_EQ(answer.error().what.find("/storage"), std::string::npos) << answer.error().what;
    }
    EXPECT_GT(failed, 1u);
  }
}

TEST_F(ShareStoreTest, WhatPeersMayReportIsLimitedOverAllStarts) {
  Client client;
  ASSERT_TRUE(machine_.run(client.upload(&machine_.store())).has_value());
  const auto report = [&] {
    EXPECT_TRUE(machine_.run(machine_.store().advise_corrupt(sample_index(), 4, std::string(30'000, 'x'))).has_value());
  };
  while (machine_.store().counters().advisories_dropped == 0) report();
  const std::uint64_t taken = machine_.store().counters().advisories;
  EXPECT_GT(taken, 500u);
  EXPECT_LT(taken, 600u);
  machine_.stop();
  ASSERT_TRUE(machine_.start().has_value());
  report();
  EXPECT_EQ(machine_.store().counters().advisories, 0u);
  EXPECT_EQ(machine_.store().counters().advisories_dropped, 1u);
}

}  // namespace
}  // namespace holdfast::storage
