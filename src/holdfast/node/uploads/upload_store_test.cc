#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;
using test::pieces_of;
using test::random_bytes;

constexpr std::size_t kSize = 2 * resume::kPieceBytes + 4'321;

TEST(UploadStore, a_whole_upload_goes_from_receiving_to_sealed_to_result) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const Bytes bytes = random_bytes(kSize, 1);
  const UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, bytes).has_value());
  EXPECT_EQ(upload->log.durable, kSize);
  EXPECT_TRUE(machine.fs.info("/spool/incoming/a.dat").has_value());
  ASSERT_TRUE(machine.run(machine.store().seal(upload, resume::digest_of_pieces(pieces_of(bytes)))).has_value());
  EXPECT_FALSE(machine.fs.info("/spool/incoming/a.dat").has_value());
  EXPECT_EQ(io::read_file(machine.fs, "/spool/encoding/a.dat", kSize).value(), bytes);
  ASSERT_TRUE(machine.run(machine.store().commit(upload, to_bytes("cap"))).has_value());
  EXPECT_FALSE(machine.fs.info("/spool/encoding/a.dat").has_value());
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  EXPECT_EQ(machine.store().find("a")->log.result, to_bytes("cap"));
  machine.run(machine.store().forget(machine.store().find("a")));
  EXPECT_TRUE(machine.fs.list("/spool/encoding").value().empty());
  EXPECT_TRUE(machine.fs.list("/spool/incoming").value().empty());
}

TEST(UploadStore, what_was_acknowledged_is_there_after_a_kill_and_nothing_else) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const Bytes bytes = random_bytes(kSize, 2);
  UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(1'500'000)).has_value());
  ASSERT_TRUE(
      machine.run(machine.store().append(upload, upload->written, to_buffer(ByteView(bytes).subspan(1'500'000, 1000))))
          .has_value());
  EXPECT_EQ(upload->log.durable, 1'500'000u) << "written is not durable";
  const std::string token = machine.store().token_of(*upload);
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  upload = machine.store().find_by_token(token);
  ASSERT_NE(upload, nullptr);
  EXPECT_EQ(upload->written, 1'500'000u);
  EXPECT_EQ(upload->log.creation.about, to_bytes("about a"));
  // It goes on in the middle of a piece, and the digests are those of the whole.
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).subspan(1'500'000)).has_value());
  EXPECT_EQ(machine.run(machine.store().digests(upload, 0, 99)).value().pieces, pieces_of(bytes));
  EXPECT_EQ(machine.run(machine.store().digests(upload, 1, 1)).value().pieces, std::vector{pieces_of(bytes)[1]});
  EXPECT_TRUE(machine.run(machine.store().digests(upload, 3, 1)).value().pieces.empty());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, resume::digest_of_pieces(pieces_of(bytes)))).has_value());
}

TEST(UploadStore, digests_are_of_what_is_durable_and_no_more) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 3'000'000).value();
  const Bytes bytes = random_bytes(2'500'000, 4);
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(1'500'000)).has_value());
  machine.store().hold_back(*upload);
  ASSERT_TRUE(
      machine.run(machine.store().append(upload, upload->written, to_buffer(ByteView(bytes).subspan(1'500'000))))
          .has_value());
  const UploadStore::HeldDigests held = machine.run(machine.store().digests(upload, 0, 99)).value();
  EXPECT_EQ(held.offset, 1'500'000U);
  EXPECT_EQ(held.pieces, pieces_of(ByteView(bytes).first(1'500'000)));
  ASSERT_TRUE(machine.run(machine.store().settle(upload, true)).has_value());
  const UploadStore::HeldDigests all = machine.run(machine.store().digests(upload, 0, 99)).value();
  EXPECT_EQ(all.offset, bytes.size());
  EXPECT_EQ(all.pieces, pieces_of(bytes));
}

TEST(UploadStore, tokens_of_others_are_nothing) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 10).value();
  const std::string token = machine.store().token_of(*upload);
  EXPECT_EQ(machine.store().find_by_token(token), upload);
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string other = token;
    other[at] = other[at] == 'b' ? 'c' : 'b';
    EXPECT_EQ(machine.store().find_by_token(other), nullptr) << at;
  }
  EXPECT_EQ(machine.store().find_by_token(""), nullptr);
  EXPECT_EQ(machine.store().find_by_token(token + "a"), nullptr);
  EXPECT_EQ(machine.store().find_by_token(std::string(52, '!')), nullptr);
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  EXPECT_NE(machine.store().find_by_token(token), nullptr) << "a token lives as long as its upload";
}

TEST(UploadStore, more_than_the_length_is_refused_and_harms_nothing) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 1'000).value();
  ASSERT_TRUE(machine.send(upload, Bytes(900, 5)).has_value());
  EXPECT_EQ(machine.run(machine.store().append(upload, upload->written, Buffer(101, 6))).error().code, Errc::malformed);
  EXPECT_EQ(machine.run(machine.store().seal(upload, std::nullopt)).error().code, Errc::conflict) << "100 are missing";
  ASSERT_TRUE(machine.send(upload, Bytes(100, 5)).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, std::nullopt)).has_value());
  EXPECT_EQ(machine.run(machine.store().append(upload, upload->written, Buffer(1, 6))).error().code, Errc::not_found)
      << "sealed";
}

TEST(UploadStore, a_length_may_be_told_later_once) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", std::nullopt).value();
  ASSERT_TRUE(machine.send(upload, Bytes(900, 5)).has_value());
  EXPECT_EQ(machine.run(machine.store().set_length(upload, 899)).error().code, Errc::malformed);
  EXPECT_TRUE(machine.run(machine.store().set_length(upload, 900)).has_value());
  EXPECT_TRUE(machine.run(machine.store().set_length(upload, 900)).has_value());
  EXPECT_EQ(machine.run(machine.store().set_length(upload, 901)).error().code, Errc::malformed);
  EXPECT_TRUE(machine.run(machine.store().seal(upload, std::nullopt)).has_value());
}

TEST(UploadStore, a_wrong_piece_costs_itself) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const Bytes bytes = random_bytes(kSize, 3);
  Bytes poisoned = bytes;
  poisoned[1'048'576 + 7] ^= 1;
  poisoned.back() ^= 1;
  const UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, poisoned).has_value());
  const Hash right = resume::digest_of_pieces(pieces_of(bytes));
  EXPECT_EQ(machine.run(machine.store().seal(upload, right)).error().code, Errc::corrupt);
  const std::vector<Hash> held = machine.run(machine.store().digests(upload, 0, 9)).value().pieces;
  std::vector<std::uint64_t> wrong;
  for (std::uint64_t i = 0; i < held.size(); ++i) {
    if (held[i] != pieces_of(bytes)[i]) wrong.push_back(i);
  }
  EXPECT_EQ(wrong, (std::vector<std::uint64_t>{1, 2}));
  const ByteView second = ByteView(bytes).subspan(resume::kPieceBytes, resume::kPieceBytes);
  EXPECT_EQ(machine.run(machine.store().replace_piece(upload, 1, to_bytes(second.first(5)))).error().code,
            Errc::conflict);
  EXPECT_EQ(machine.run(machine.store().replace_piece(upload, 3, to_bytes(second))).error().code, Errc::conflict);
  ASSERT_TRUE(machine.run(machine.store().replace_piece(upload, 1, to_bytes(second))).has_value());
  ASSERT_TRUE(
      machine.run(machine.store().replace_piece(upload, 2, to_bytes(ByteView(bytes).subspan(2 * resume::kPieceBytes))))
          .has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, right)).has_value());
  EXPECT_EQ(io::read_file(machine.fs, "/spool/encoding/a.dat", kSize).value(), bytes);
}

// --- who may send

io::Task<void> hold_turn(UploadStore* store, UploadPtr upload, std::string client, std::string* story) {
  auto turn = co_await store->take_turn(upload, client);
  if (!turn) {
    *story += client + ":" + std::string(to_string(turn.error().code)) + " ";
    co_return;
  }
  *story += client + ":has ";
  auto waiting = io::sleep_for(std::chrono::hours(1));
  co_await waiting.in((*turn)->scope);
  *story += client + ":lets-go ";
}

io::Task<void> three_of_one_client(UploadStore* store, UploadPtr upload, std::string* story) {
  io::TaskGroup group(co_await io::this_scope());
  for (int i = 0; i < 3; ++i) group.spawn(hold_turn(store, upload, "x", story));
  co_await io::sleep_for(std::chrono::seconds(1));
  group.cancel();
  co_await group.join();
}

TEST(UploadStore, counts_as_resumed_what_goes_on_behind_a_body_that_broke_off_and_not_the_next_chunk) {
  Machine machine;
  ASSERT_TRUE(machine.start());
  const UploadPtr upload = machine.create("a", 5'000).value();
  const Bytes bytes = random_bytes(1'000, 1);
  const auto body = [&](UploadStore& store, const UploadPtr& into, bool whole) {
    store.begin_body(*into);
    ASSERT_TRUE(machine.send(into, bytes).has_value());
    into->body_broke_off = !whole;
  };
  body(machine.store(), upload, true);
  body(machine.store(), upload, true);
  EXPECT_EQ(machine.store().counters().resumed, 0u) << "one whole request after another";
  body(machine.store(), upload, false);
  EXPECT_EQ(machine.store().counters().resumed, 0u);
  body(machine.store(), upload, true);
  EXPECT_EQ(machine.store().counters().resumed, 1u);
  EXPECT_EQ(machine.store().counters().bytes_resumed, 3'000u);

  machine.kill();
  ASSERT_TRUE(machine.start());
  const UploadPtr found = machine.store().find("a");
  ASSERT_NE(found, nullptr);
  body(machine.store(), found, true);
  EXPECT_EQ(machine.store().counters().resumed, 1u) << "how it ended under the process before nobody knows";
  EXPECT_EQ(machine.store().counters().bytes_resumed, 4'000u);
}

TEST(UploadStore, the_newest_request_of_a_client_takes_over_at_once) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  std::string story;
  machine.finish(three_of_one_client(&machine.store(), machine.create("a", 10).value(), &story));
  EXPECT_EQ(story, "x:has x:lets-go x:cancelled x:has x:lets-go ");
}

io::Task<void> another_client(UploadStore* store, UploadPtr upload, io::Loop* loop, std::string* story) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(hold_turn(store, upload, "x", story));
  co_await io::sleep_for(std::chrono::milliseconds(1'900));
  group.spawn(hold_turn(store, upload, "y", story));  // too early
  const io::Time asked = loop->now() + std::chrono::milliseconds(200);
  co_await io::sleep_until(asked);
  group.spawn(hold_turn(store, upload, "y", story));
  co_await io::sleep_for(std::chrono::milliseconds(1));
  group.cancel();
  co_await group.join();
}

TEST(UploadStore, another_client_takes_over_when_nothing_came_for_two_seconds) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  std::string story;
  machine.finish(another_client(&machine.store(), machine.create("a", 10).value(), &machine.loop, &story));
  EXPECT_EQ(story, "x:has y:conflict x:lets-go y:has y:lets-go ");
}

// --- room and time

TEST(UploadStore, large_empty_promises_starve_nobody) {
  Machine machine;
  machine.options.bytes_max = 1'000'000'000;
  ASSERT_TRUE(machine.start().has_value());
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(machine.create("ghost" + std::to_string(i), 900'000'000).has_value()) << "a ghost is refused by nobody";
  const UploadPtr honest = machine.create("honest", 100'000).value();
  EXPECT_TRUE(machine.send(honest, Bytes(100'000, 3)).has_value());
  EXPECT_EQ(machine.create("too large", 1'000'000'001).error().code, Errc::unsupported);
  machine.pass(std::chrono::seconds(1'900));
  EXPECT_EQ(machine.store().uploads().size(), 1u) << "empty ones end after half an hour";
}

TEST(UploadStore, dormant_uploads_make_way_for_bytes_longest_first) {
  Machine machine;
  machine.options.bytes_max = 1'000'000;
  ASSERT_TRUE(machine.start().has_value());
  ASSERT_TRUE(machine.send(machine.create("old", 400'000).value(), Bytes(300'000, 1)).has_value());
  machine.pass(std::chrono::seconds(100));
  ASSERT_TRUE(machine.send(machine.create("young", 400'000).value(), Bytes(300'000, 1)).has_value());
  const UploadPtr early = machine.create("early", 1'000'000).value_or(nullptr);
  EXPECT_EQ(early, nullptr) << "active ones stay";
  machine.pass(std::chrono::seconds(1'850));
  const UploadPtr next = machine.create("next", 600'000).value();
  ASSERT_TRUE(machine.send(next, Bytes(600'000, 2)).has_value());
  EXPECT_EQ(machine.store().find("old"), nullptr);
  EXPECT_NE(machine.store().find("young"), nullptr);
}

TEST(UploadStore, nobody_makes_way_for_what_does_not_fit_even_then) {
  for (const bool quota : {true, false}) {
    SCOPED_TRACE(quota ? "the quota" : "the disk");
    Machine machine;
    machine.options.bytes_max = quota ? 1'000'000 : 100'000'000;
    machine.options.free_bytes_min = 100'000;
    machine.fs.set_capacity(10'000'000);
    ASSERT_TRUE(machine.start().has_value());
    ASSERT_TRUE(machine.send(machine.create("old", 100'000).value(), Bytes(100'000, 1)).has_value());
    machine.pass(std::chrono::seconds(1'850));
    const UploadPtr busy = machine.create("busy", 850'000).value(), next = machine.create("next", {}).value();
    ASSERT_TRUE(machine.send(busy, Bytes(850'000, 2)).has_value());
    const std::uint64_t taken = 10'000'000 - machine.fs.free_bytes("/").value();
    if (!quota) machine.fs.set_capacity(taken + 190'000);  // for another 90,000, and 190,000 if the old one went
    EXPECT_EQ(machine.send(next, Bytes(200'000, 3)).error().code, Errc::no_space);
    ASSERT_NE(machine.store().find("old"), nullptr);
    EXPECT_EQ(machine.store().find("old")->log.durable, 100'000u);
    EXPECT_TRUE(machine.send(next, Bytes(50'000, 3)).has_value() || quota);
    EXPECT_EQ(machine.store().counters().evicted, 0u);
  }
}

TEST(UploadStore, promises_delete_nothing_not_even_what_is_dormant) {
  Machine machine;
  machine.options.bytes_max = 1'000'000;
  ASSERT_TRUE(machine.start().has_value());
  ASSERT_TRUE(machine.send(machine.create("old", 600'000).value(), Bytes(300'000, 1)).has_value());
  machine.pass(std::chrono::seconds(1'850));
  int refused = 0;
  for (int i = 0; i < 5; ++i) refused += machine.create("ghost" + std::to_string(i), 900'000) ? 0 : 1;
  EXPECT_GT(refused, 0) << "more than all the room there could be was promised";
  EXPECT_LT(refused, 5) << "the dormant one would make way for bytes";
  ASSERT_NE(machine.store().find("old"), nullptr);
  EXPECT_EQ(machine.store().find("old")->log.durable, 300'000u);
  EXPECT_EQ(machine.store().counters().evicted, 0u);
}

TEST(UploadStore, a_full_disk_is_a_pause) {
  Machine machine;
  machine.fs.set_capacity(800'000);
  ASSERT_TRUE(machine.start().has_value());
  const Bytes bytes = random_bytes(600'000, 5);
  const UploadPtr upload = machine.create("a", 600'000).value();
  machine.fs.set_capacity(500'000);
  const Result<void> sent = machine.send(upload, bytes, 50'000);
  EXPECT_EQ(sent.error().code, Errc::no_space);
  ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
  const std::uint64_t held = upload->log.durable;
  EXPECT_GT(held, 300'000u);
  EXPECT_EQ(held, upload->written);
  machine.fs.set_capacity(2'000'000);
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).subspan(held)).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, resume::digest_of_pieces(pieces_of(bytes)))).has_value());
}

TEST(UploadStore, f26_idle_uploads_end_after_a_week_and_not_because_of_a_clock) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  ASSERT_TRUE(machine.send(machine.create("a", 10).value(), Bytes(5, 1)).has_value());
  machine.kill();
  machine.loop.jump_wall_clock(10 * 31'557'600LL);
  ASSERT_TRUE(machine.start().has_value());
  machine.pass(std::chrono::seconds(120));
  EXPECT_NE(machine.store().find("a"), nullptr) << "ten years ahead";
  machine.kill();
  machine.loop.jump_wall_clock(-20 * 31'557'600LL);
  ASSERT_TRUE(machine.start().has_value());
  machine.pass(std::chrono::seconds(120));
  ASSERT_NE(machine.store().find("a"), nullptr) << "ten years back";
  machine.pass(std::chrono::seconds(7 * 86'400 + 200));
  EXPECT_EQ(machine.store().find("a"), nullptr);
  EXPECT_EQ(machine.store().counters().expired, 1u);
}

TEST(UploadStore, slow_bytes_are_durable_after_a_second) {
  Machine machine;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", 10).value();
  ASSERT_TRUE(machine.run(machine.store().append(upload, upload->written, Buffer(3, 1))).has_value());
  EXPECT_EQ(upload->log.durable, 0u);
  machine.pass(std::chrono::seconds(2));
  EXPECT_EQ(upload->log.durable, 3u);
}

TEST(UploadStore, a_piece_that_was_being_replaced_shows_no_digest_and_seals_nothing) {
  const Bytes bytes = random_bytes(2 * resume::kPieceBytes, 3);
  const Bytes piece = to_bytes(ByteView(bytes).first(resume::kPieceBytes));
  unsigned withdrawn = 0;
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n) + " fails");
    Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    const UploadPtr upload = machine.create("a", bytes.size()).value();
    ASSERT_TRUE(machine.send(upload, bytes).has_value());
    machine.fs.fail_operation(machine.fs.operations() + n, Errc::io);
    const Result<void> replaced = machine.run(machine.store().replace_piece(upload, 0, Bytes(piece)));
    if (replaced) break;
    const Hash all = resume::digest_of_pieces(pieces_of(bytes));
    if (!upload->log.withdrawn.empty()) {
      ++withdrawn;
      EXPECT_EQ(machine.run(machine.store().digests(upload, 0, 1)).value().pieces, std::vector<Hash>{Hash{}});
      const Result<void> sealed = machine.run(machine.store().seal(upload, all));
      EXPECT_TRUE(!sealed && sealed.error().code == Errc::corrupt);
      EXPECT_TRUE(machine.run(machine.store().replace_piece(upload, 0, Bytes(piece))).has_value());
    }
    EXPECT_TRUE(machine.run(machine.store().seal(upload, all)).has_value());
  }
  EXPECT_GT(withdrawn, 1u);
}

}  // namespace
}  // namespace holdfast::uploads
