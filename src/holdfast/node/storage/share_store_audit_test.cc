// Verification before acceptance is cheap, and still sees everything (storage protocol 11.7).
#include <gtest/gtest.h>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/share_layout.h"
#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage {
namespace {

using test::Client;
using test::Machine;
using test::sample_index;

class ShareStoreAudit : public testing::Test {
 protected:
  ShareStoreAudit() { EXPECT_TRUE(machine_.start().has_value()); }

  std::string upload(Client& client, std::size_t patches = 100) {
    return code(machine_.run(client.upload(&machine_.store(), patches)));
  }
  RangeSet patch(Client& client, Range range) { return machine_.run(client.patch(&machine_.store(), range)).value(); }
  std::uint64_t bytes_read() { return machine_.store().counters().audit_read_bytes; }
  void restart() {
    machine_.stop();
    ASSERT_TRUE(machine_.start().has_value());
  }
  static std::string code(const Result<void>& result) {
    return result ? "fine" : std::string(to_string(result.error().code));
  }
  /// What an audit reads that knows all blocks: header, trees, chain, extension block.
  std::uint64_t bytes_around_blocks() {
    if (around_ == 0) {
      Machine machine;
      Client client;
      EXPECT_TRUE(machine.start() && machine.run(client.upload(&machine.store(), 3)).error().code == Errc::cancelled);
      machine.stop();
      EXPECT_TRUE(machine.start() && machine.run(client.upload(&machine.store())));
      around_ = machine.store().counters().audit_read_bytes - layout_.data().size();
    }
    return around_;
  }

  test::Machine machine_;
  const immutable::ShareLayout layout_{
      immutable::Geometry::create(immutable::make_params(3, 10, 6'000, 1'024).value()).value()};
  std::uint64_t around_ = 0;
};

TEST_F(ShareStoreAudit, AnUploadInOrderReadsNoBlockBack) {
  ShareNumber number = 0;
  for (const std::uint64_t patch_bytes : {140ull, 342ull, 1'000ull, 100'000ull}) {
    const std::uint64_t before = bytes_read();
    Client client(number++);
    client.patch_bytes = patch_bytes;
    EXPECT_EQ(upload(client, 1'000), "fine");
    EXPECT_EQ(bytes_read() - before, bytes_around_blocks()) << patch_bytes;
  }
}

TEST_F(ShareStoreAudit, AfterARestartOnlyWhatCameBeforeItIsReadBack) {
  Client client;
  upload(client, 1);
  restart();
  EXPECT_EQ(upload(client), "fine");
  std::uint64_t before = 0;  // blocks that were not all there, and the one that was cut
  for (SegmentNumber s = 0; s < 6; ++s) before += layout_.block(s).begin < 1'000 ? layout_.block(s).size() : 0;
  EXPECT_EQ(bytes_read(), bytes_around_blocks() + before);
}

TEST_F(ShareStoreAudit, ASenderOfWrongBlocksIsCaughtAndOnlyTheNewOnesAreLookedAt) {
  Client client;
  const Bytes right = client.share;
  const Range block = layout_.block(2);
  client.share[block.begin + 7] ^= 1;
  client.patch_bytes = 100'000;
  EXPECT_EQ(upload(client, 1), "cancelled");  // it was asked for again
  EXPECT_EQ(machine_.store().counters().audit_failures, 1u);
  client.share = right;
  patch(client, block);
  EXPECT_TRUE(client.done);
  EXPECT_EQ(bytes_read(), 2 * bytes_around_blocks());
  const auto share = machine_.run(machine_.store().open_share(sample_index(), 4)).value();
  EXPECT_EQ(machine_.run(machine_.store().read(share, {0, share.bytes})).value(), right);
}

TEST_F(ShareStoreAudit, AfterAFailureThatWasReadFromDiskOnlyWhatIsSentAgainIsLookedAt) {
  Client client;
  client.patch_bytes = client.share.size() - 1;
  upload(client, 1);
  machine_.stop();
  const std::string part =
      machine_.paths().upload(sample_index(), 4, crypto::upload_secret_at_rest_id(client.secret.reveal())) + ".part";
  const Range block = layout_.block(1);
  const auto file = machine_.fs.open(part, io::Open::write).value();
  ASSERT_TRUE(
      file->write(kContainerHeaderBytes + block.begin, Bytes{static_cast<std::uint8_t>(client.share[block.begin] ^ 1)})
          .has_value());
  ASSERT_TRUE(machine_.start().has_value());
  EXPECT_EQ(patch(client, {client.share.size() - 1, client.share.size()}), RangeSet{block});
  EXPECT_EQ(bytes_read(), bytes_around_blocks() + layout_.data().size());
  patch(client, block);
  EXPECT_TRUE(client.done);
  EXPECT_EQ(bytes_read(), 2 * bytes_around_blocks() + layout_.data().size());
}

TEST_F(ShareStoreAudit, WhatCouldNotBeSyncedIsNotBelieved) {
  Client client;
  upload(client, 2);
  // The bytes of a PATCH reach the file; their sync fails, and the disk drops what it likes.
  machine_.fs.fail_operation(machine_.fs.operations() + 2, Errc::io);
  const auto failed = machine_.run(client.patch(&machine_.store(), {2'000, 2'500}));
  ASSERT_FALSE(failed.has_value());
  ASSERT_EQ(machine_.store().counters().sync_failures, 1u);
  EXPECT_EQ(upload(client), "fine");
  EXPECT_GT(bytes_read(), bytes_around_blocks()) << "blocks of before are read";
  const auto share = machine_.run(machine_.store().open_share(sample_index(), 4)).value();
  EXPECT_EQ(machine_.run(machine_.store().read(share, {0, share.bytes})).value(), client.share);
}

TEST_F(ShareStoreAudit, AFailedWriteInTheMiddleCostsNothingButItsBlocks) {
  Client client;
  upload(client, 1);
  machine_.fs.fail_operation(machine_.fs.operations(), Errc::no_space);
  EXPECT_FALSE(machine_.run(client.patch(&machine_.store(), {1'000, 1'500})).has_value());
  EXPECT_EQ(upload(client), "fine");
  EXPECT_EQ(bytes_read(), bytes_around_blocks() + layout_.block(2).size()) << "the one that was cut";
}

TEST_F(ShareStoreAudit, DormantUploadsGiveTheirMemoryBack) {
  Client client;
  upload(client, 3);
  machine_.pass(std::chrono::minutes(31));
  EXPECT_EQ(upload(client), "fine");
  EXPECT_EQ(bytes_read(), bytes_around_blocks() + layout_.data().size());
}

TEST_F(ShareStoreAudit, AWithdrawalThatTheDiskDoesNotTakeCountsForNothing) {
  Client client;
  const Range block = layout_.block(2), last{client.share.size() - 1, client.share.size()};
  client.share[block.begin + 7] ^= 1;
  client.patch_bytes = last.begin;
  upload(client, 1);
  // The audit finds it each time, and each time the disk is full for the journal.
  for (int attempt = 0; attempt < 5; ++attempt) {
    bool failed = false;
    for (std::uint64_t n = 0; !failed; ++n) {
      ASSERT_LT(n, 100u);
      const std::uint64_t before = machine_.store().counters().audit_failures;
      machine_.fs.fail_operation(machine_.fs.operations() + n, Errc::no_space);
      const auto answer = machine_.run(client.patch(&machine_.store(), last));
      failed = !answer && machine_.store().counters().audit_failures > before;
      ASSERT_FALSE(answer && answer->contains(block)) << "withdrawn before anything failed";
    }
  }
  const auto status = machine_.run(machine_.store().status(sample_index(), client.secret)).value();
  EXPECT_TRUE(status.incomplete.contains(client.number)) << "what is held has been thrown away";
}

}  // namespace
}  // namespace holdfast::storage
