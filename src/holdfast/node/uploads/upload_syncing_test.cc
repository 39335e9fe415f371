// A sync that fails: nobody is told afterwards that what it lost is safe, and nothing is stored where the lost bytes should be.
#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;
using test::pieces_of;
using test::random_bytes;

constexpr std::size_t kSize = 60'000, kFirst = 10'000, kSecond = 25'000;

io::Task<void> into(io::Task<Result<void>> task, Result<void>* out) {
  *out = co_await std::move(task);
}

io::Task<void> sync_twice(UploadStore* store, UploadPtr upload, Result<void>* first, Result<void>* second) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(into(store->sync(upload), first));
  group.spawn(into(store->sync(upload), second));
  co_await group.join();
}

/// The sync fails and its caller is stopped while somebody else has the bytes.
io::Task<void> stop_a_sync(UploadStore* store, UploadPtr upload, Result<void>* synced) {
  const bool mine = co_await upload->order.acquire();
  HF_CHECK(mine);
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(into(store->sync(upload), synced));
  co_await io::sleep_for(std::chrono::milliseconds(1));
  group.cancel();
  co_await io::sleep_for(std::chrono::milliseconds(1));
  upload->order.release();
  co_await group.join();
}

class Syncing : public testing::Test {
 protected:
  /// One upload of which the first bytes are durable and the next ones are not.
  UploadPtr begin(Machine& machine) {
    HF_CHECK(machine.start().has_value());
    UploadPtr upload = machine.create("a", kSize).value();
    HF_CHECK(machine.send(upload, ByteView(bytes).first(kFirst)).has_value());
    HF_CHECK(append(machine, upload, kFirst, kSecond).has_value());
    return upload;
  }
  Result<void> append(Machine& machine, const UploadPtr& upload, std::uint64_t from, std::uint64_t to) {
    return machine.run(machine.store().append(upload, from, to_buffer(ByteView(bytes).subspan(from, to - from))));
  }
  static void fail_next(Machine& machine, std::uint64_t ahead = 0) {
    machine.fs.fail_operation(machine.fs.operations() + ahead, Errc::io);
  }
  /// What was to fail and has not will not fail later.
  static void pass_failures(Machine& machine) {
    for (int i = 0; i < 12; ++i) static_cast<void>(machine.fs.info("/spool"));
  }
  /// After a restart: what was told is there, and all that is there was sent; the rest makes it whole.
  void check(Machine& machine, std::uint64_t told) {
    ASSERT_TRUE(machine.start().has_value());
    const UploadPtr upload = machine.store().find("a");
    ASSERT_NE(upload, nullptr) << told << " bytes were acknowledged";
    ASSERT_GE(upload->log.durable, told);
    ASSERT_TRUE(machine.send(upload, ByteView(bytes).subspan(upload->written)).has_value());
    const bool whole = machine.options.whole_digest;
    const Hash digest = whole ? crypto::sha256(bytes) : resume::digest_of_pieces(pieces_of(bytes));
    ASSERT_TRUE(machine.run(machine.store().seal(upload, digest)).has_value());
    EXPECT_EQ(machine.read(upload, kSize).value(), bytes);
    EXPECT_EQ(append(machine, upload, kSize, kSize).error().code, Errc::not_found);
    EXPECT_TRUE(upload->is_sealed()) << "whoever comes too late ends nothing";
  }

  const Bytes bytes = random_bytes(kSize, 5);
};

TEST_F(Syncing, that_waits_behind_a_failed_one_fails_too) {
  Machine machine;
  const UploadPtr upload = begin(machine);
  fail_next(machine);
  Result<void> first, second;
  machine.finish(sync_twice(&machine.store(), upload, &first, &second));
  EXPECT_FALSE(first.has_value());
  EXPECT_FALSE(second.has_value()) << "the disk tells its error once";
  EXPECT_EQ(std::pair(upload->log.durable, upload->written), std::pair(kFirst, kFirst));
  EXPECT_TRUE(machine.run(machine.store().sync(upload)).has_value()) << "of what is left";
  machine.cut_power();
  check(machine, kFirst);
}

TEST_F(Syncing, two_at_once_acknowledge_nothing_that_is_not_there_whatever_fails) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (std::uint64_t n = 0; n < 12; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(n));
      Machine machine(seed);
      const UploadPtr upload = begin(machine);
      fail_next(machine, n);
      Result<void> first, second;
      machine.finish(sync_twice(&machine.store(), upload, &first, &second));
      EXPECT_TRUE(!second || upload->log.durable == upload->written);
      pass_failures(machine);
      static_cast<void>(append(machine, upload, upload->written, kSize - 10));
      static_cast<void>(machine.run(machine.store().sync(upload)));
      const std::uint64_t told = upload->log.durable;
      seed % 2 == 0 ? machine.kill() : machine.cut_power();
      check(machine, told);
      if (HasFailure()) return;
    }
  }
}

TEST_F(Syncing, that_fails_in_the_background_lets_nothing_be_stored_in_the_place_of_what_it_lost) {
  Machine machine;
  const UploadPtr upload = begin(machine);
  fail_next(machine);
  machine.pass(std::chrono::seconds(2));
  EXPECT_EQ(upload->written, kFirst);
  EXPECT_EQ(append(machine, upload, kSecond, kSize).error().code, Errc::io);
  EXPECT_EQ(machine.run(machine.store().sync(upload, kSecond)).error().code, Errc::io) << "also when no more comes";
  EXPECT_EQ(upload->written, kFirst);
  machine.kill();
  check(machine, kFirst);
}

TEST_F(Syncing, that_failed_is_mended_though_its_caller_is_stopped) {
  Machine machine;
  const UploadPtr upload = begin(machine);
  Result<void> synced;
  fail_next(machine);
  machine.finish(stop_a_sync(&machine.store(), upload, &synced));
  EXPECT_FALSE(synced.has_value());
  EXPECT_EQ(upload->written, kFirst);
  machine.pass(std::chrono::seconds(1));  // its last sync makes all durable that counts
  machine.cut_power();
  check(machine, kFirst);
}

TEST_F(Syncing, takes_nothing_before_the_lost_bytes_are_cut_off) {
  Machine machine;
  const UploadPtr upload = begin(machine);
  for (std::uint64_t n = 0; n < 2; ++n) fail_next(machine, n);
  EXPECT_FALSE(machine.run(machine.store().sync(upload)).has_value());
  ASSERT_TRUE(upload->trouble.has_value());
  EXPECT_FALSE(append(machine, upload, upload->written, kSize).has_value());
  EXPECT_FALSE(machine.run(machine.store().sync(upload)).has_value()) << "and mends it";
  EXPECT_TRUE(append(machine, upload, kFirst, kSecond).has_value());
  EXPECT_TRUE(machine.run(machine.store().sync(upload)).has_value());
  machine.cut_power();
  check(machine, kSecond);
}

TEST_F(Syncing, a_journal_that_fails_costs_no_byte) {
  for (std::uint64_t n = 1; n < 3; ++n) {
    Machine machine;
    const UploadPtr upload = begin(machine);
    fail_next(machine, n);  // behind the sync of the bytes
    EXPECT_FALSE(machine.run(machine.store().sync(upload)).has_value());
    EXPECT_EQ(std::pair(upload->log.durable, upload->written), std::pair(kFirst, kSecond));
    EXPECT_TRUE(append(machine, upload, kSecond, kSize - 1).has_value());
    EXPECT_TRUE(machine.run(machine.store().sync(upload)).has_value());
    machine.cut_power();
    check(machine, kSize - 1);
  }
}

/// One whose journal is about to be replaced by a shorter one.
UploadPtr with_a_long_journal(Machine& machine, const Bytes& bytes) {
  machine.options.whole_digest = true;  // the records are longer
  HF_CHECK(machine.start().has_value());
  UploadStore::NewUpload wanted{"a", Hash{}, kSize, Bytes(resume::kAboutBytesMax)};
  UploadPtr upload = machine.run(machine.store().create(std::move(wanted))).value();
  while (upload->files.journal_is_good())
    HF_CHECK(machine.send(upload, ByteView(bytes).subspan(upload->written, 3)).has_value());
  return upload;
}

TEST_F(Syncing, a_journal_that_cannot_become_shorter_stays_as_it_is) {
  for (std::uint64_t n = 0; n < 10; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    Machine machine;
    const UploadPtr upload = with_a_long_journal(machine, bytes);
    const std::uint64_t at = upload->written;
    ASSERT_TRUE(append(machine, upload, at, at + 5).has_value());
    machine.fs.fail_operation(machine.fs.operations() + n, n % 3 == 0 ? Errc::io : Errc::no_space);
    const Result<void> synced = machine.run(machine.store().sync(upload));
    const bool only_stays_long = n >= 1 && n <= 4;
    EXPECT_TRUE(synced || !only_stays_long);
    pass_failures(machine);
    ASSERT_TRUE(append(machine, upload, upload->written, at + 500).has_value());
    EXPECT_TRUE(machine.run(machine.store().sync(upload)).has_value());
    n % 2 == 0 ? machine.kill() : machine.cut_power();
    check(machine, at + 500);
    if (HasFailure()) return;
  }
}

TEST_F(Syncing, what_follows_a_rewind_that_failed_is_there_after_a_restart) {
  for (std::uint64_t n = 0; n < 10; ++n) {
    for (const bool killed : {true, false}) {
      SCOPED_TRACE("operation " + std::to_string(n));
      Machine machine;
      const UploadPtr upload = begin(machine);
      for (std::uint64_t at = kSecond; at < kSecond + 1'000; at += 100)
        ASSERT_TRUE(append(machine, upload, at, at + 100) && machine.run(machine.store().sync(upload)));
      fail_next(machine, n);
      static_cast<void>(machine.run(machine.store().rewind(upload, kFirst)));
      pass_failures(machine);
      ASSERT_EQ(upload->written, upload->log.durable);
      ASSERT_TRUE(append(machine, upload, upload->written, kSize - 1).has_value());
      ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
      killed ? machine.kill() : machine.cut_power();
      check(machine, kSize - 1);
      if (HasFailure()) return;
    }
  }
}

TEST_F(Syncing, an_upload_whose_files_were_taken_away_has_ended) {
  for (const char* name : {"/spool/incoming/a.dat", "/spool/incoming/a.jnl"}) {
    Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    const UploadPtr upload = machine.create("a", kSize).value();
    ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(kFirst)).has_value());
    upload->files.close();
    ASSERT_TRUE(machine.fs.unlink(name).has_value());
    const Result<void> appended = append(machine, upload, kFirst, kSecond);
    const Result<void> synced = machine.run(machine.store().sync(upload));
    EXPECT_FALSE(appended && synced) << name;
    EXPECT_TRUE(upload->has_ended());
    EXPECT_TRUE(machine.create("a", kSize).has_value()) << "and may begin anew";
  }
}

/// In its place nothing, or a mount point.
TEST_F(Syncing, a_disk_that_is_away_for_a_moment_ends_nothing) {
  for (const bool mount_point : {true, false}) {
    for (const std::size_t sent : {std::size_t{0}, kFirst}) {
      SCOPED_TRACE(std::to_string(sent) + (mount_point ? " mount point" : " nothing"));
      Machine machine;
      ASSERT_TRUE(machine.start().has_value());
      const UploadPtr dormant = machine.create("d", kSize).value();
      ASSERT_TRUE(machine.send(dormant, ByteView(bytes).first(kFirst)).has_value());
      machine.pass(std::chrono::seconds(1'850));
      const UploadPtr upload = machine.create("a", kSize).value();
      ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(sent)).has_value());
      upload->files.close();
      ASSERT_TRUE(machine.fs.rename("/spool/incoming", "/spool/away").has_value());
      if (mount_point) {
        ASSERT_TRUE(machine.fs.make_directories("/spool/incoming").has_value());
      }
      const Result<void> appended = append(machine, upload, sent, kSecond);
      const Result<void> synced = machine.run(machine.store().sync(upload));
      EXPECT_FALSE(appended && synced);
      EXPECT_EQ(machine.run(machine.store().find_loss(upload)), std::nullopt);
      machine.pass(std::chrono::seconds(61));
      ASSERT_TRUE(upload->is_open() && dormant->is_open());
      EXPECT_EQ(upload->written, sent);
      if (mount_point) {
        ASSERT_TRUE(machine.fs.remove_directory("/spool/incoming").has_value());
      }
      ASSERT_TRUE(machine.fs.rename("/spool/away", "/spool/incoming").has_value());
      ASSERT_TRUE(append(machine, upload, sent, kSize - 1).has_value());
      ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
      machine.kill();
      check(machine, kSize - 1);
      if (HasFailure()) return;
    }
  }
}

TEST_F(Syncing, nobody_is_told_that_an_upload_is_gone_while_its_disk_is_away) {
  Machine machine;
  const UploadPtr upload = begin(machine);
  upload->files.close();
  ASSERT_TRUE(machine.fs.rename("/spool/incoming", "/spool/away").has_value());
  ASSERT_TRUE(machine.fs.make_directories("/spool/incoming").has_value());
  EXPECT_FALSE(machine.run(machine.store().forget(upload))) << "it would come back with the disk";
}

}  // namespace
}  // namespace holdfast::uploads
