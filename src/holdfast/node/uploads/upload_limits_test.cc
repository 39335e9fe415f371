// What an upload may be and what is kept of it has limits; who works on its files works on them alone.
#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;
using test::random_bytes;

constexpr auto kAWhile = std::chrono::milliseconds(10);

io::Task<void> create_into(UploadStore* store, std::optional<Result<UploadPtr>>* out) {
  UploadStore::NewUpload wanted{"a", Hash::from(Bytes(32, 1)), 3'000'000, {}};
  out->emplace(co_await store->create(std::move(wanted)));
}

io::Task<void> forget(UploadStore* store, UploadPtr upload) {
  co_await store->forget(upload);
}

/// Dropped while somebody works on it, and begun again before he is done.
io::Task<void> drop_and_begin(UploadStore* store, UploadPtr old, std::optional<Result<UploadPtr>>* made) {
  const bool mine = co_await old->order.acquire();
  HF_CHECK(mine);
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(forget(store, old));
  co_await io::sleep_for(kAWhile);
  group.spawn(create_into(store, made));
  co_await io::sleep_for(kAWhile);
  EXPECT_FALSE(made->has_value()) << "the files of the former one are there yet";
  old->order.release();
  co_await group.join();
}

TEST(UploadLimits, a_name_is_free_when_the_files_of_the_former_upload_are_gone) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr old = machine.create("a", 3'000'000).value();
  ASSERT_TRUE(machine.send(old, random_bytes(50'000, 1)).has_value());
  std::optional<Result<UploadPtr>> made;
  machine.finish(drop_and_begin(&machine.store(), old, &made));
  ASSERT_TRUE(made && *made);
  const Bytes bytes = random_bytes(70'000, 2);
  ASSERT_TRUE(machine.send(**made, bytes).has_value());
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr again = machine.store().find("a");
  ASSERT_TRUE(again && again->written == bytes.size());
  EXPECT_EQ(machine.read(again, bytes.size()).value(), bytes);
}

io::Task<void> digests_into(UploadStore* store, UploadPtr upload, std::optional<Result<HeldDigests>>* out) {
  out->emplace(co_await store->digests(upload, 0, 100));
}
io::Task<void> drop_under_digests(UploadStore* store, UploadPtr upload, std::optional<Result<HeldDigests>>* out) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(digests_into(store, upload, out));
  group.spawn(forget(store, upload));
  co_await group.join();
}

TEST(UploadLimits, digests_of_an_upload_that_is_dropped_are_not_read_to_the_end) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  constexpr std::size_t kBytes = 18 * resume::kPieceBytes;
  ASSERT_TRUE(machine.send(machine.create("a", kBytes).value(), Bytes(kBytes, 1), 1'048'576).has_value());
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  std::optional<Result<HeldDigests>> digests;
  machine.finish(drop_under_digests(&machine.store(), machine.store().find("a"), &digests));
  ASSERT_TRUE(digests && !*digests);
  EXPECT_EQ(digests->error().code, Errc::not_found);
}

TEST(UploadLimits, one_process_at_a_time_works_on_a_spool) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 2'000).value();
  ASSERT_TRUE(machine.send(upload, Bytes(1'000, 1)).has_value());
  ASSERT_TRUE(machine.run(machine.store().append(upload, 1'000, Buffer(500, 2))).has_value());
  {
    const auto pool = io::make_inline_pool(machine.loop);
    holdfast::test::SeededRandom random(7);
    test::QuietLog log;
    UploadStore second({machine.loop, *pool, machine.fs, random, log}, machine.options);
    const Result<void> opened = machine.run(second.open());
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, Errc::conflict);
    EXPECT_NE(opened.error().what.find("another process"), std::string::npos) << opened.error().what;
  }
  EXPECT_EQ(upload->files.data_bytes().value(), 1'500u) << "it has touched nothing";
  ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
  machine.kill();
  ASSERT_TRUE(machine.start().has_value()) << "the lock ends with its process";
  EXPECT_EQ(machine.store().find("a")->written, 1'500u);
}

TEST(UploadLimits, replaced_pieces_do_not_fill_the_journal) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 2).value();
  ASSERT_TRUE(machine.send(upload, Bytes(2, 1)).has_value());
  std::uint64_t longest = 0, before = 0;
  for (bool shorter = false; !shorter && longest < 2 * kJournalLongBytes;) {
    before = upload->files.journal_bytes();
    ASSERT_TRUE(machine.run(machine.store().replace_piece(upload, 0, Bytes(2, 3))).has_value());
    longest = std::max(longest, upload->files.journal_bytes());
    shorter = upload->files.journal_bytes() < before;
  }
  EXPECT_LT(longest, kJournalLongBytes + 1'000);
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  EXPECT_EQ(machine.read(machine.store().find("a"), 2).value(), Bytes(2, 3));
}

TEST(UploadLimits, a_journal_that_cannot_be_read_stops_nobody_else) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  for (const char* name : {"a", "b"})
    ASSERT_TRUE(machine.send(machine.create(name, 500).value(), Bytes(100, 1)).has_value());
  ASSERT_TRUE(machine.fs.open("/spool/incoming/a.jnl", io::Open::write).value()->truncate(70 * 1'048'576).has_value());
  for (int life = 0; life < 2; ++life) {
    machine.kill();
    ASSERT_TRUE(machine.start().has_value());
    EXPECT_EQ(machine.store().find("a"), nullptr);
    ASSERT_NE(machine.store().find("b"), nullptr);
    EXPECT_TRUE(machine.fs.info("/spool/incoming/a.dat").has_value()) << "its bytes are kept";
  }
}

TEST(UploadLimits, the_oldest_of_too_many_that_have_ended_are_forgotten) {
  Machine machine;
  machine.options.tombstone_seconds = 100'000;
  machine.options.tombstones_max = 5;
  ASSERT_TRUE(machine.start().has_value());
  for (int i = 0; i < 20; ++i) {
    const UploadPtr upload = machine.create("u" + std::to_string(i), 10).value();
    ASSERT_TRUE(machine.run(machine.store().end(upload, resume::UploadEnd::cancelled, "")));
    machine.pass(std::chrono::seconds(1));
  }
  EXPECT_LE(machine.store().uploads().size(), 6u);
  EXPECT_LE(machine.fs.list("/spool/incoming").value().size(), 6u);
  EXPECT_NE(machine.store().find("u19"), nullptr);
  EXPECT_EQ(machine.store().find("u0"), nullptr);
}

TEST(UploadLimits, more_about_it_than_a_journal_takes_is_refused) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const Bytes much(resume::kAboutBytesMax + 1);
  UploadStore::NewUpload wanted{"b", Hash{}, 5, much};
  EXPECT_EQ(machine.run(machine.store().create(std::move(wanted))).error().code, Errc::malformed);
  const UploadPtr upload = machine.create("a", 5).value();
  EXPECT_EQ(machine.run(machine.store().restart(upload, 5, much)).error().code, Errc::malformed);
}

TEST(UploadLimits, a_maximum_that_was_lowered_holds_for_uploads_that_are_above_it) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  ASSERT_TRUE(machine.send(machine.create("a", std::nullopt).value(), Bytes(1'000, 1)).has_value());
  machine.kill();
  machine.options.upload_bytes_max = 500;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.store().find("a");
  EXPECT_EQ(machine.run(machine.store().append(upload, 1'000, Buffer(1, 1))).error().code, Errc::malformed);
}

TEST(UploadLimits, what_a_failed_write_left_behind_the_end_is_not_sealed) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Machine machine(seed);
    ASSERT_TRUE(machine.start().has_value());
    const UploadPtr upload = machine.create("a", std::nullopt).value();
    ASSERT_TRUE(machine.send(upload, Bytes(1'000, 1)).has_value());
    machine.fs.fail_operation(machine.fs.operations(), Errc::io);
    ASSERT_FALSE(machine.run(machine.store().append(upload, 1'000, Buffer(5'000, 1))).has_value());
    ASSERT_TRUE(machine.run(machine.store().set_length(upload, 1'000)).has_value());
    ASSERT_TRUE(machine.run(machine.store().seal(upload, std::nullopt)).has_value());
    EXPECT_EQ(machine.fs.info("/spool/encoding/a.dat")->size, 1'000u);
  }
}

io::Task<void> settle_into(UploadStore* store, UploadPtr upload, Result<void>* out) {
  *out = co_await store->settle(upload, false);
}
io::Task<void> stop_settling(UploadStore* store, UploadPtr upload, Result<void>* out) {
  const bool mine = co_await upload->order.acquire();
  HF_CHECK(mine);
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(settle_into(store, upload, out));
  co_await io::sleep_for(kAWhile);
  group.cancel();
  co_await group.join();
  upload->order.release();
}

TEST(UploadLimits, bytes_that_were_being_given_up_at_the_end_do_not_count) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 5'000).value();
  ASSERT_TRUE(machine.send(upload, Bytes(1'000, 1)).has_value());
  machine.store().hold_back(*upload);
  ASSERT_TRUE(machine.run(machine.store().append(upload, 1'000, Buffer(500, 2))).has_value());
  Result<void> settled;
  machine.finish(stop_settling(&machine.store(), upload, &settled));
  EXPECT_FALSE(settled.has_value());
  machine.pass(std::chrono::seconds(1));
  EXPECT_EQ(upload->log.durable, 1'000u);
}

io::Task<void> seal_into(UploadStore* store, UploadPtr upload, Result<void>* out) {
  *out = co_await store->seal_joined(upload, 10, Hash{});
}
io::Task<void> end_it(UploadStore* store, UploadPtr upload) {
  co_await store->end(upload, resume::UploadEnd::cancelled, "cancelled");
}
io::Task<void> seal_and_end(UploadStore* store, UploadPtr upload, Result<void>* out) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(seal_into(store, upload, out));
  group.spawn(end_it(store, upload));
  co_await group.join();
}

TEST(UploadLimits, what_ends_while_it_is_sealed_has_ended) {
  Machine machine;
  machine.options.tombstone_seconds = 1'000;
  ASSERT_TRUE(machine.start().has_value());
  UploadStore::NewUpload wanted{"a", Hash{}, std::nullopt, {}, true};
  const UploadPtr upload = machine.run(machine.store().create(std::move(wanted))).value();
  Result<void> sealed;
  machine.finish(seal_and_end(&machine.store(), upload, &sealed));
  EXPECT_FALSE(sealed.has_value());
  EXPECT_TRUE(upload->has_ended());
}

}  // namespace
}  // namespace holdfast::uploads
