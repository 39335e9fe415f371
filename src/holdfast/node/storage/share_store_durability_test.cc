// Invariant I1, by brute force: the disk fails or loses power at each operation of an upload in turn.
#include <gtest/gtest.h>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"
#include "support/every_choice.h"

namespace holdfast::storage {
namespace {

using test::Client;
using test::Machine;
using test::sample_index;

RangeSet minus(RangeSet a, const RangeSet& b) {
  a.subtract(b);
  return a;
}

Result<Bytes> read_share(Machine& machine, ShareNumber number) {
  HF_TRY(const ShareStore::OpenShare share, machine.run(machine.store().open_share(sample_index(), number)));
  return machine.run(machine.store().read(share, {0, share.bytes}));
}

/// Everything the client was told is true, and nothing is shown that it did not send. Answers what the store says now.
RangeSet expect_true(Machine& machine, const Client& client, const std::string& where) {
  const auto status = machine.run(machine.store().status(sample_index(), client.secret));
  if (!status) {
    ADD_FAILURE() << where << ": " << status.error().what;
    return {};
  }
  const auto share = read_share(machine, client.number);
  if (status->complete.contains(client.number)) {
    EXPECT_TRUE(share && equal(*share, client.share)) << where << ": the share is not what was sent";
    return RangeSet{client.whole()};
  }
  EXPECT_FALSE(client.done) << where << ": a share that was complete is gone";
  EXPECT_FALSE(share.has_value()) << where << ": an incomplete share can be read";
  const auto it = status->incomplete.find(client.number);
  RangeSet held = it == status->incomplete.end() ? RangeSet{} : it->second.required.gaps(client.whole());
  EXPECT_TRUE(minus(client.acknowledged, held).empty()) << where << ": acknowledged bytes are lost";
  EXPECT_TRUE(minus(held, client.sent).empty()) << where << ": bytes are shown that were never sent";
  if (held.empty()) return held;
  const std::string part =
      machine.paths().upload(sample_index(), client.number, crypto::upload_secret_at_rest_id(client.secret.reveal())) +
      ".part";
  const Bytes bytes = io::read_file(machine.fs, part, 1'000'000).value();
  for (const Range& range : held.ranges()) {
    EXPECT_TRUE(bytes.size() >= kContainerHeaderBytes + range.end &&
                equal(ByteView(bytes).subspan(kContainerHeaderBytes + range.begin, range.size()),
                      ByteView(client.share).subspan(range.begin, range.size())))
        << where << ": held bytes are wrong";
  }
  return held;
}

void expect_can_be_finished(Machine& machine, Client& client, const std::string& where) {
  const auto uploaded = machine.run(client.upload(&machine.store()));
  EXPECT_TRUE(uploaded.has_value()) << where << ": " << (uploaded ? "" : uploaded.error().what);
  EXPECT_EQ(machine.store().counters().audit_failures, 0u) << where;
  machine.cut_power();
  const auto opened = machine.start();
  ASSERT_TRUE(opened.has_value()) << where << ": " << opened.error().what;
  expect_true(machine, client, where + ", at the end");
}

constexpr std::uint64_t kSeveral = 1'000,
                        kWholeAtOnce = 100'000;  // bytes in a PATCH: the share in pieces, or without a journal

Client client_with(std::uint64_t patch_bytes) {
  Client client;
  client.patch_bytes = patch_bytes;
  return client;
}

/// From the first start to the finished share.
std::uint64_t operations_of_an_upload(std::uint64_t patch_bytes = kSeveral) {
  Machine machine;
  Client client = client_with(patch_bytes);
  EXPECT_TRUE(machine.start() && machine.run(client.upload(&machine.store())));
  return machine.fs.operations();
}

class Durability : public testing::TestWithParam<std::tuple<int, std::uint64_t>> {
 protected:
  std::uint64_t seed() const { return static_cast<std::uint64_t>(std::get<0>(GetParam())); }
  std::uint64_t patch_bytes() const { return std::get<1>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Seeds, Durability,
                         testing::Combine(testing::Range(0, 6), testing::Values(kSeveral, kWholeAtOnce)));

TEST_P(Durability, NothingAcknowledgedIsLostWhereverThePowerIsCut) {
  const std::uint64_t operations = operations_of_an_upload(patch_bytes());
  for (std::uint64_t cut = 0; cut <= operations; ++cut) {
    const std::string where = "cut at operation " + std::to_string(cut);
    Machine machine(seed() * 1'000 + cut);
    Client client = client_with(patch_bytes());
    machine.fs.power_off_from(cut);
    if (machine.start()) static_cast<void>(machine.run(client.upload(&machine.store())));
    machine.cut_power();
    const auto opened = machine.start();
    ASSERT_TRUE(opened.has_value()) << where << ": " << opened.error().what;
    expect_true(machine, client, where);
    expect_can_be_finished(machine, client, where);
    if (HasFailure()) return;
  }
}

TEST_P(Durability, WhatARestartedStoreShowsIsDurableToo) {
  const std::uint64_t operations = operations_of_an_upload(patch_bytes());
  for (std::uint64_t cut = 0; cut <= operations; ++cut) {
    const std::string where = "killed at operation " + std::to_string(cut);
    Machine machine(seed() * 1'000 + cut);
    Client client = client_with(patch_bytes());
    machine.fs.power_off_from(cut);
    if (machine.start()) static_cast<void>(machine.run(client.upload(&machine.store())));
    machine.kill();
    const auto opened = machine.start();
    ASSERT_TRUE(opened.has_value()) << where << ": " << opened.error().what;
    client.acknowledged.add(expect_true(machine, client, where));
    client.done = machine.run(machine.store().list(sample_index())).value().contains(client.number);
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    expect_true(machine, client, where + ", then the power was cut");
    expect_can_be_finished(machine, client, where);
    if (HasFailure()) return;
  }
}

/// A share of two sectors, in three PATCHes.
Client small_client() {
  Client client(1);
  const Bytes plaintext = immutable::test_kit::plaintext_of(60);
  const auto params = immutable::make_params(2, 3, plaintext.size(), 60).value();
  client.share = immutable::test_kit::EncodedFile(plaintext, params, cap::Key::from(Bytes(16, 1))).share(client.number);
  client.patch_bytes = client.share.size() / 3 + 1;
  return client;
}

// Seeds draw lots; here the disk keeps each set of sectors and names that it may keep.
TEST(EveryOutcome, f21_OfACutAtEveryOperationLosesNothingAcknowledged) {
  std::uint64_t cuts = 0, outcomes = 0, sampled = 0;
  for (bool reached = true; reached; ++cuts) {
    holdfast::test::EveryChoice choices(4'096);
    do {
      const std::string where =
          "cut at operation " + std::to_string(cuts) + ", outcome " + std::to_string(choices.rounds());
      Machine machine(choices);
      Client client = small_client();
      machine.fs.power_off_from(cuts);
      if (machine.start()) static_cast<void>(machine.run(client.upload(&machine.store())));
      reached = machine.fs.operations() > cuts;
      machine.cut_power();
      const auto opened = machine.start();
      ASSERT_TRUE(opened.has_value()) << where << ": " << opened.error().what;
      expect_true(machine, client, where);
      const auto uploaded = machine.run(client.upload(&machine.store()));
      ASSERT_TRUE(uploaded.has_value()) << where << ": " << uploaded.error().what;
      expect_true(machine, client, where + ", at the end");
      if (HasFailure()) return;
    } while (choices.next());
    outcomes += choices.rounds();
    if (!choices.exhausted()) ++sampled;
  }
  std::printf("  %llu cuts, %llu outcomes; of %llu cuts not all outcomes\n", static_cast<unsigned long long>(cuts),
              static_cast<unsigned long long>(outcomes), static_cast<unsigned long long>(sampled));
}

class Faults : public testing::TestWithParam<std::tuple<Errc, std::size_t>> {};
INSTANTIATE_TEST_SUITE_P(NoSpaceAndIo, Faults,
                         testing::Combine(testing::Values(Errc::no_space, Errc::io),
                                          testing::Values(0, 1, 2, 3, 100)));  // 0: whole at once

TEST_P(Faults, OfAnyOperationCauseNoFalseAcknowledgementAndPass) {
  const auto [error, pieces] = GetParam();
  const std::uint64_t patch_bytes = pieces == 0 ? kWholeAtOnce : kSeveral;
  const std::size_t patches = pieces == 0 ? 100 : pieces;
  const std::uint64_t operations = operations_of_an_upload(patch_bytes);
  constexpr std::uint64_t kSeeds = 4;
  for (std::uint64_t i = 0; i < operations * kSeeds; ++i) {
    const std::uint64_t n = i / kSeeds;
    const std::string where = "operation " + std::to_string(n) + " fails";
    Machine machine(i);
    Client client = client_with(patch_bytes);
    machine.fs.fail_operation(n, error);
    for (int attempt = 0; attempt < 3 && !client.done; ++attempt) {
      const auto opened = attempt == 0 || !machine.store().available() ? machine.start() : Result<void>{};
      if (!opened) continue;
      const auto uploaded = machine.run(client.upload(&machine.store(), patches));
      if (!uploaded && uploaded.error().code == Errc::cancelled) break;
    }
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value()) << where;
    expect_true(machine, client, where);
    expect_can_be_finished(machine, client, where);
    if (HasFailure()) return;
  }
}

class FaultsWhileServing : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(PatchBytes, FaultsWhileServing, testing::Values(kSeveral, kWholeAtOnce));

TEST_P(FaultsWhileServing, PassWithoutARestart) {
  for (const Errc error : {Errc::no_space, Errc::io}) {
    bool failed = true;
    for (std::uint64_t n = 0; failed; ++n) {
      const std::string where = "operation " + std::to_string(n) + " of the upload failed";
      Machine machine(n);
      Client client = client_with(GetParam());
      ASSERT_TRUE(machine.start().has_value());
      const std::uint64_t failing = machine.fs.operations() + n;
      machine.fs.fail_operation(failing, error);
      for (int attempt = 0; attempt < 3 && !client.done; ++attempt)
        static_cast<void>(machine.run(client.upload(&machine.store())));
      EXPECT_TRUE(client.done) << where;
      failed = machine.fs.operations() > failing;
      if (failed) expect_true(machine, client, where);
      if (HasFailure()) return;
    }
  }
}

// A legacy upload has no journal from which a lost rename could be done again.
TEST(LegacyUploads, AShareIsListedOnlyWhenItsNameIsDurable) {
  const std::uint64_t operations = operations_of_an_upload();
  for (std::uint64_t i = 0; i < operations * 4; ++i) {
    Machine machine(i);
    Client client;
    client.resumable = false;
    machine.fs.fail_operation(i / 4, Errc::io);
    if (!machine.start()) continue;
    static_cast<void>(machine.run(client.upload(&machine.store())));
    const auto listed = machine.run(machine.store().list(sample_index()));
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    if (!listed || !listed->contains(client.number)) continue;
    EXPECT_TRUE(read_share(machine, client.number).has_value()) << "operation " << i / 4 << " failed";
  }
}

// Whoever opens a file again may not be told what went wrong before.
TEST(LegacyUploads, AreSyncedBeforeTheirFilesAreClosed) {
  bool failed = false;
  for (std::uint64_t n = 0; n < 200; ++n) {
    Machine machine(n);
    Client client;
    client.resumable = false;
    client.patch_bytes = client.share.size() - 1;
    ASSERT_TRUE(machine.start().has_value());
    static_cast<void>(machine.run(client.upload(&machine.store(), 1)));
    machine.fs.fail_operation(machine.fs.operations() + n, Errc::io);
    machine.pass(std::chrono::seconds(65));
    failed = failed || machine.store().counters().sync_failures > 0;
    for (int attempt = 0; attempt < 3 && !client.done; ++attempt)
      static_cast<void>(machine.run(client.upload(&machine.store())));
    EXPECT_TRUE(client.done) << n;
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    const auto share = read_share(machine, client.number);
    EXPECT_TRUE(share && equal(*share, client.share)) << n;
    if (HasFailure()) return;
  }
  EXPECT_TRUE(failed);
}

TEST(LegacyUploads, MayBecomeResumableWhateverFailsThen) {
  bool refused = false;
  for (std::uint64_t n = 0; n < 200; ++n) {
    Machine machine(n);
    Client client;
    client.resumable = false;
    client.patch_bytes = client.share.size() / 2;
    ASSERT_TRUE(machine.start().has_value());
    static_cast<void>(machine.run(client.upload(&machine.store(), 1)));
    machine.pass(std::chrono::seconds(65));  // its file is closed
    client.resumable = true;
    const std::uint64_t failing = machine.fs.operations() + n;
    machine.fs.fail_operation(failing, Errc::io);
    const Result<void> first = machine.run(client.upload(&machine.store(), 1));
    refused = refused || (!first && first.error().code == Errc::no_space);
    for (int attempt = 0; attempt < 3 && !client.done; ++attempt)
      static_cast<void>(machine.run(client.upload(&machine.store())));
    EXPECT_TRUE(client.done) << n;
    const bool met = machine.fs.operations() > failing;
    machine.cut_power();
    ASSERT_TRUE(machine.start().has_value());
    const auto share = read_share(machine, client.number);
    EXPECT_TRUE(share && equal(*share, client.share)) << n;
    if (HasFailure() || !met) break;
  }
  EXPECT_TRUE(refused) << "its file could not be opened";
}

// Nor an audit that would notice what a failed sync has lost.
TEST(LegacyUploads, WhatAFailedSyncLostIsAskedForAgain) {
  const std::uint64_t operations = operations_of_an_upload();
  for (std::uint64_t i = 0; i < operations * 4; ++i) {
    Machine machine(i);
    Client client;
    client.resumable = false;
    machine.fs.fail_operation(i / 4, Errc::io);
    if (!machine.start() || machine.store().available() == 0) continue;
    for (int attempt = 0; attempt < 3 && !client.done; ++attempt)
      static_cast<void>(machine.run(client.upload(&machine.store())));
    EXPECT_TRUE(client.done) << "operation " << i / 4 << " failed";
    machine.cut_power();  // until then reads show what is not on the disk
    ASSERT_TRUE(machine.start().has_value());
    const auto share = read_share(machine, client.number);
    EXPECT_TRUE(share && equal(*share, client.share))
        << "operation " << i / 4 << " failed: the share is not what was sent";
    if (HasFailure()) return;
  }
}

io::Task<void> send_whole(Client* client, ShareStore* store) {
  static_cast<void>(co_await client->patch(store, client->whole()));
}
/// After so many turns of the loop: a question syncs what has come.
io::Task<void> ask_in_between(Client* client, Machine* machine, int turns) {
  auto nothing = [] {};
  for (int i = 0; i < turns; ++i) co_await machine->world().disk.run(nothing);
  static_cast<void>(co_await machine->store().status(sample_index(), client->secret));
}
io::Task<void> send_and_ask(Client* client, Machine* machine, int turns) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(send_whole(client, &machine->store()));
  group.spawn(ask_in_between(client, machine, turns));
  co_await group.join();
}

TEST(DurabilityOfShares, AQuestionInBetweenTakesNobodyTheAnswerThatItIsComplete) {
  for (int turns = 0; turns < 12; ++turns) {
    Machine machine;
    Client client = client_with(kWholeAtOnce);
    ASSERT_TRUE(machine.start().has_value());
    static_cast<void>(machine.run(machine.store().allocate(sample_index(), client.allocation())));
    machine.finish(send_and_ask(&client, &machine, turns));
    EXPECT_TRUE(client.done) << turns;
  }
}

TEST(DurabilityOfShares, ASyncThatFailsBesideTheAuditIsNotForgottenByTheNextOne) {
  int failed_beside = 0;
  for (int turns = 0; turns < 6; ++turns) {
    for (std::uint64_t n = 0; n < 40; ++n) {
      for (std::uint64_t seed = 0; seed < 4; ++seed) {
        Machine machine(seed);
        Client client = client_with(kWholeAtOnce);
        ASSERT_TRUE(machine.start().has_value());
        static_cast<void>(machine.run(machine.store().allocate(sample_index(), client.allocation())));
        machine.fs.fail_operation(machine.fs.operations() + n, Errc::io);
        machine.finish(send_and_ask(&client, &machine, turns));
        failed_beside += machine.store().counters().sync_failures > 0 ? 1 : 0;
        machine.cut_power();
        ASSERT_TRUE(machine.start().has_value());
        const auto share = read_share(machine, client.number);
        EXPECT_TRUE(!client.done || (share && equal(*share, client.share)))
            << "turns " << turns << ", operation " << n << ", seed " << seed;
      }
    }
  }
  EXPECT_GT(failed_beside, 0);
}

}  // namespace
}  // namespace holdfast::storage
