// Stores that keep SHA-256 of all bytes: over restarts, behind bytes that were taken back, and whatever the disk does meanwhile.
#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;
using test::random_bytes;

constexpr std::size_t kSize = 200'123;

/// The turn lives no longer than the request.
io::Task<void> bring_nothing(UploadStore& store, UploadPtr upload) {
  const auto turn = co_await store.take_turn(upload, "");
  EXPECT_TRUE(turn.has_value());
}

class Whole : public testing::Test {
 protected:
  Whole() { set_up(machine); }
  static void set_up(Machine& machine) {
    machine.options.whole_digest = machine.options.keeps_empty = true;
    machine.options.tombstone_seconds = 1'000;
  }
  void restart() {
    machine.kill();
    ASSERT_TRUE(machine.start().has_value());
  }
  Result<void> append(const UploadPtr& upload, ByteView more) {
    return machine.run(machine.store().append(upload, upload->written, to_buffer(more)));
  }
  UploadPtr find() { return machine.store().find("a"); }

  Machine machine;
  const Bytes bytes = random_bytes(kSize, 5);
  const Hash digest = crypto::sha256(bytes);
};

TEST_F(Whole, digest_goes_on_over_restarts_wherever_they_come) {
  for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{65},
                                  std::size_t{100'000}, kSize}) {
    Machine other;
    set_up(other);
    ASSERT_TRUE(other.start().has_value());
    ASSERT_TRUE(other.send(other.create("a", kSize).value(), ByteView(bytes).first(first), 777).has_value());
    other.kill();
    ASSERT_TRUE(other.start().has_value());
    const UploadPtr upload = other.store().find("a");
    ASSERT_EQ(upload->written, first);
    ASSERT_TRUE(other.send(upload, ByteView(bytes).subspan(first), 50'000).has_value());
    const std::uint64_t before = other.fs.operations();
    ASSERT_TRUE(other.run(other.store().seal(upload, digest)).has_value()) << first;
    EXPECT_EQ(upload->log.seal, digest);
    EXPECT_LT(other.fs.operations() - before, 20u) << "no byte is read again for it";
  }
}

TEST_F(Whole, another_digest_than_its_sender_said_does_not_seal) {
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, bytes).has_value());
  EXPECT_EQ(machine.run(machine.store().seal(upload, crypto::sha256({}))).error().code, Errc::corrupt);
  EXPECT_TRUE(upload->is_open());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, std::nullopt)).has_value());
}

TEST_F(Whole, bytes_held_back_are_not_durable_until_they_are_settled) {
  ASSERT_TRUE(machine.start().has_value());
  UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(1'000)).has_value());
  machine.store().hold_back(*upload);
  ASSERT_TRUE(append(upload, random_bytes(500, 6)).has_value());
  machine.pass(std::chrono::seconds(5));
  ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
  EXPECT_EQ(upload->log.durable, 1'000u);
  ASSERT_TRUE(machine.run(machine.store().settle(upload, false)).has_value());
  EXPECT_EQ(upload->written, 1'000u) << "as if they had never come";
  machine.store().hold_back(*upload);
  ASSERT_TRUE(append(upload, ByteView(bytes).subspan(1'000, 600)).has_value());
  ASSERT_TRUE(machine.run(machine.store().settle(upload, true)).has_value());
  EXPECT_EQ(upload->log.durable, 1'600u);
  machine.store().hold_back(*upload);
  ASSERT_TRUE(append(upload, random_bytes(500, 7)).has_value());
  restart();
  upload = find();
  EXPECT_EQ(upload->written, 1'600u);
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).subspan(1'600)).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, digest)).has_value());
}

TEST_F(Whole, rewound_bytes_stay_away) {
  ASSERT_TRUE(machine.start().has_value());
  UploadPtr upload = machine.create("a", kSize).value();
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(70'000)).has_value());
  ASSERT_TRUE(machine.send(upload, random_bytes(9'000, 8)).has_value());
  ASSERT_TRUE(append(upload, random_bytes(10, 9)).has_value());
  ASSERT_TRUE(machine.run(machine.store().rewind(upload, 70'000)).has_value());
  EXPECT_EQ(upload->log.durable, 70'000u);
  restart();
  upload = find();
  EXPECT_EQ(upload->written, 70'000u);
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).subspan(70'000)).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, digest)).has_value());
}

TEST_F(Whole, a_piece_that_is_torn_stays_torn_behind_a_rewind_that_keeps_it) {
  ASSERT_TRUE(machine.start().has_value());
  UploadPtr upload = machine.create("a", std::nullopt).value();
  ASSERT_TRUE(machine.send(upload, random_bytes(2 * resume::kPieceBytes, 8)).has_value());
  upload->log.withdrawn = {0, 1};
  ASSERT_TRUE(machine.run(machine.store().rewind(upload, resume::kPieceBytes)).has_value());
  EXPECT_EQ(upload->log.withdrawn, std::set<std::uint64_t>{0});
  restart();
  EXPECT_EQ(find()->log.withdrawn, std::set<std::uint64_t>{0});
}

TEST_F(Whole, begun_anew_it_is_another_file_under_the_same_token) {
  ASSERT_TRUE(machine.start().has_value());
  UploadPtr upload = machine.create("a", 5).value();
  const std::string token = machine.store().token_of(*upload);
  ASSERT_TRUE(machine.send(upload, view_of("12345")).has_value());
  ASSERT_TRUE(machine.run(machine.store().restart(upload, kSize, to_bytes("other"))).has_value());
  restart();
  upload = machine.store().find_by_token(token);
  ASSERT_NE(upload, nullptr);
  EXPECT_EQ(std::tuple(upload->written, upload->log.length, upload->log.creation.about),
            std::tuple(0u, std::optional<std::uint64_t>(kSize), to_bytes("other")));
  ASSERT_TRUE(machine.send(upload, bytes).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, digest)).has_value());
}

TEST_F(Whole, a_replaced_piece_is_hashed_anew) {
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", kSize).value();
  Bytes poisoned = bytes;
  poisoned[10] ^= 1;
  ASSERT_TRUE(machine.send(upload, poisoned).has_value());
  ASSERT_TRUE(machine.run(machine.store().replace_piece(upload, 0, Bytes(bytes))).has_value());
  EXPECT_TRUE(machine.run(machine.store().seal(upload, digest)).has_value());
}

TEST_F(Whole, what_has_ended_is_remembered_for_a_while) {
  ASSERT_TRUE(machine.start().has_value());
  UploadPtr upload = machine.create("a", kSize).value();
  const std::string token = machine.store().token_of(*upload);
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(100)).has_value());
  machine.run(machine.store().end(upload, resume::UploadEnd::failed, "why"));
  EXPECT_EQ(append(upload, bytes).error().code, Errc::not_found);
  for (int life = 0; life < 2; ++life) {
    upload = machine.store().find_by_token(token);
    ASSERT_NE(upload, nullptr);
    EXPECT_TRUE(upload->has_ended());
    EXPECT_EQ(std::tuple(upload->log.end, upload->log.reason),
              std::tuple(resume::UploadEnd::failed, std::string("why")));
    EXPECT_FALSE(machine.fs.info("/spool/incoming/a.dat").has_value()) << "its bytes are gone";
    restart();
  }
  machine.pass(std::chrono::seconds(1'200));
  EXPECT_EQ(machine.store().find_by_token(token), nullptr);
  EXPECT_TRUE(machine.fs.list("/spool/incoming").value().empty());
}

TEST_F(Whole, only_bytes_keep_it_from_expiring) {
  machine.options.retention_seconds = 100;
  ASSERT_TRUE(machine.start().has_value());
  const UploadPtr upload = machine.create("a", kSize).value();
  machine.pass(std::chrono::seconds(60));
  EXPECT_EQ(machine.store().expires_in(*upload), 40u);
  machine.finish(bring_nothing(machine.store(), upload));
  EXPECT_EQ(machine.store().expires_in(*upload), 40u) << "a request that brings nothing";
  ASSERT_TRUE(machine.send(upload, ByteView(bytes).first(1)).has_value());
  EXPECT_EQ(machine.store().expires_in(*upload), 100u);
  machine.pass(std::chrono::seconds(99));
  machine.finish(machine.store().end_if_expired(upload));
  EXPECT_TRUE(upload->is_open());
  machine.pass(std::chrono::seconds(2));
  machine.finish(machine.store().end_if_expired(upload));
  EXPECT_TRUE(upload->has_ended());
}

TEST_F(Whole, a_result_is_remembered_from_when_it_came) {
  machine.options.result_seconds = 1'000;
  ASSERT_TRUE(machine.start().has_value());
  ASSERT_TRUE(machine.send(machine.create("a", kSize).value(), bytes).has_value());
  ASSERT_TRUE(machine.run(machine.store().seal(find(), digest)).has_value());
  machine.pass(std::chrono::seconds(900));
  restart();
  machine.pass(std::chrono::seconds(900));
  ASSERT_TRUE(machine.run(machine.store().commit(find(), to_bytes("cap"))).has_value());
  machine.pass(std::chrono::seconds(900));
  EXPECT_NE(find(), nullptr) << "the grid was away for long: the answer is not thrown away with that";
  machine.pass(std::chrono::seconds(200));
  EXPECT_EQ(find(), nullptr);
}

/// A life with everything that is taken back in it. What it returns was acknowledged.
Result<std::uint64_t> live(Machine& machine, const Bytes& bytes) {
  UploadStore& store = machine.store();
  UploadPtr upload = store.find("a");
  if (upload == nullptr) {
    HF_TRY(upload, machine.create("a", kSize));
  }
  const std::uint64_t begin = upload->log.durable;
  if (!upload->is_open()) return begin;
  const std::uint64_t middle = std::max<std::uint64_t>(begin, 90'000);
  HF_TRY_VOID(machine.send(upload, ByteView(bytes).subspan(begin, middle - begin)));
  const std::size_t rest = kSize - middle;
  store.hold_back(*upload);
  HF_TRY_VOID(machine.run(store.append(upload, upload->written, to_buffer(random_bytes(rest, 3)))));
  HF_TRY_VOID(machine.run(store.settle(upload, false)));
  HF_TRY_VOID(machine.send(upload, random_bytes(rest, 4)));
  HF_TRY_VOID(machine.run(store.rewind(upload, middle)));
  HF_TRY_VOID(machine.send(upload, ByteView(bytes).subspan(middle)));
  HF_TRY_VOID(machine.run(store.seal(upload, crypto::sha256(bytes))));
  return kSize;
}

TEST_F(Whole, power_cuts_kills_and_failures_while_bytes_are_taken_back) {
  Machine undisturbed;
  set_up(undisturbed);
  ASSERT_TRUE(undisturbed.start().has_value());
  ASSERT_TRUE(live(undisturbed, bytes).has_value());
  for (std::uint64_t n = 0; n < undisturbed.fs.operations(); ++n) {
    for (int how = 0; how < 4; ++how) {
      SCOPED_TRACE("operation " + std::to_string(n) + ", fault " + std::to_string(how));
      Machine broken(n + 1);
      set_up(broken);
      if (how < 2) broken.fs.power_off_from(n);
      if (how >= 2) broken.fs.fail_operation(n, how == 2 ? Errc::io : Errc::no_space);
      Result<std::uint64_t> told = fail(Errc::io, "not begun");
      if (broken.start()) told = live(broken, bytes);
      how == 0 ? broken.cut_power() : broken.kill();
      ASSERT_TRUE(broken.start().has_value());
      const UploadPtr upload = broken.store().find("a");
      ASSERT_TRUE(!told || (upload != nullptr && upload->is_sealed())) << "acknowledged, and not there";
      if (upload != nullptr && upload->is_open() && upload->written > 90'000) {
        // Bytes that nobody wanted: their sender knows.
        ASSERT_TRUE(broken.run(broken.store().rewind(upload, 90'000)).has_value());
      }
      ASSERT_EQ(live(broken, bytes).value_or(0), kSize);
      ASSERT_EQ(broken.store().find("a")->log.seal, digest);
    }
  }
}

}  // namespace
}  // namespace holdfast::uploads
