// Power cuts, kills and failures at every operation of the disk: what was acknowledged stays, and the upload goes on to its end.
#include <gtest/gtest.h>

#include "holdfast/node/uploads/upload_store_test_kit.h"

namespace holdfast::uploads {
namespace {

using test::Machine;
using test::pieces_of;
using test::random_bytes;

constexpr std::size_t kSize = 2 * resume::kPieceBytes + 500;
constexpr std::size_t kStep = 700'000;

/// What the sender was told.
struct Told {
  std::uint64_t durable = 0;
  bool sealed = false, committed = false;
};

/// A sender that goes on from whatever there is. Its first bytes were poisoned by somebody else.
class Sender {
 public:
  explicit Sender(Machine& machine) : machine_(machine), bytes_(random_bytes(kSize, 9)), poisoned_(bytes_) {
    poisoned_[3] ^= 1;
  }

  Result<void> go_on() {
    UploadStore& store = machine_.store();
    UploadPtr upload = store.find("a");
    if (upload == nullptr) {
      HF_TRY(upload, machine_.create("a", kSize));
    }
    if (upload->is_open()) {
      HF_TRY_VOID(send_rest(upload));
      HF_TRY_VOID(replace_wrong(upload));
      HF_TRY_VOID(machine_.run(store.seal(upload, resume::digest_of_pieces(pieces_of(bytes_)))));
      told.sealed = true;
    }
    if (upload->is_sealed()) HF_TRY_VOID(machine_.run(store.commit(upload, to_bytes("cap"))));
    told.committed = true;
    return {};
  }

  /// After a restart.
  void check() {
    const UploadPtr upload = machine_.store().find("a");
    if (upload == nullptr) {
      EXPECT_EQ(told.durable, 0u) << "the upload is lost";
      return;
    }
    EXPECT_GE(upload->log.durable, told.durable);
    EXPECT_EQ(upload->written, upload->log.phase == resume::UploadPhase::committed ? 0 : upload->log.durable);
    EXPECT_TRUE(!told.sealed || upload->log.phase != resume::UploadPhase::open);
    EXPECT_TRUE(!told.committed || upload->log.result == to_bytes("cap"));
    if (upload->written == 0) return;
    const Bytes held = machine_.read(upload, upload->written).value();
    for (std::size_t at = 0; at < held.size(); at += resume::kPieceBytes) {
      const std::size_t count = std::min<std::size_t>(resume::kPieceBytes, held.size() - at);
      const auto same = [&](const Bytes& as) {
        return equal(ByteView(held).subspan(at, count), ByteView(as).subspan(at, count));
      };
      const bool being_replaced = upload->log.withdrawn.contains(at / resume::kPieceBytes);
      EXPECT_TRUE(same(bytes_) || same(poisoned_) || being_replaced) << "bytes at " << at << " that were never sent";
    }
    EXPECT_TRUE(!upload->is_sealed() || held == bytes_) << "sealed, and not what was sent";
    // Files without a home are gone.
    EXPECT_LE(machine_.fs.list("/spool/incoming").value().size() + machine_.fs.list("/spool/encoding").value().size(),
              2u);
  }

  Told told;

 private:
  Result<void> send_rest(const UploadPtr& upload) {
    while (upload->written < kSize) {
      const std::size_t at = upload->written;
      const ByteView next = ByteView(poisoned_).subspan(at, std::min(kStep, kSize - at));
      HF_TRY_VOID(machine_.run(machine_.store().append(upload, upload->written, to_buffer(next))));
      HF_TRY_VOID(machine_.run(machine_.store().sync(upload)));
      told.durable = upload->log.durable;
    }
    return {};
  }
  Result<void> replace_wrong(const UploadPtr& upload) {
    HF_TRY(const UploadStore::HeldDigests digests, machine_.run(machine_.store().digests(upload, 0, 99)));
    const std::vector<Hash>& held = digests.pieces;
    const std::vector<Hash> right = pieces_of(bytes_);
    for (std::uint64_t piece = 0; piece < held.size(); ++piece) {
      if (held[piece] == right[piece] && !upload->log.withdrawn.contains(piece)) continue;
      const std::size_t begin = piece * resume::kPieceBytes;
      const ByteView bytes = ByteView(bytes_).subspan(begin, std::min<std::size_t>(resume::kPieceBytes, kSize - begin));
      HF_TRY_VOID(machine_.run(machine_.store().replace_piece(upload, piece, to_bytes(bytes))));
    }
    return {};
  }

  Machine& machine_;
  const Bytes bytes_;
  Bytes poisoned_;
};

std::uint64_t operations_of_a_life() {
  Machine machine;
  EXPECT_TRUE(machine.start().has_value());
  Sender sender(machine);
  EXPECT_TRUE(sender.go_on().has_value());
  return machine.fs.operations();
}

TEST(UploadStoreFaults, power_cut_at_every_operation) {
  const std::uint64_t operations = operations_of_a_life();
  ASSERT_GT(operations, 40u);
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    for (std::uint64_t n = 0; n < operations; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(n));
      Machine machine(seed);
      Sender sender(machine);
      machine.fs.power_off_from(n);
      if (machine.start()) static_cast<void>(sender.go_on());
      machine.cut_power();
      ASSERT_TRUE(machine.start().has_value());
      sender.check();
      ASSERT_TRUE(sender.go_on().has_value());
      machine.kill();
      ASSERT_TRUE(machine.start().has_value());
      sender.check();
      if (HasFailure()) return;
    }
  }
}

TEST(UploadStoreFaults, kill_at_every_operation) {
  const std::uint64_t operations = operations_of_a_life();
  for (std::uint64_t n = 0; n < operations; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    Machine machine;
    Sender sender(machine);
    machine.fs.power_off_from(n);
    if (machine.start()) static_cast<void>(sender.go_on());
    machine.kill();
    ASSERT_TRUE(machine.start().has_value());
    sender.check();
    ASSERT_TRUE(sender.go_on().has_value());
    if (HasFailure()) return;
  }
}

TEST(UploadStoreFaults, what_is_told_after_a_kill_survives_a_power_cut) {
  const std::uint64_t operations = operations_of_a_life();
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    for (std::uint64_t n = 0; n < operations; ++n) {
      SCOPED_TRACE("seed " + std::to_string(seed) + ", operation " + std::to_string(n));
      Machine machine(seed);
      Sender sender(machine);
      machine.fs.power_off_from(n);
      if (machine.start()) static_cast<void>(sender.go_on());
      machine.kill();
      ASSERT_TRUE(machine.start().has_value());
      if (const UploadPtr upload = machine.store().find("a"); upload != nullptr) {
        const resume::UploadPhase phase = upload->log.phase;
        sender.told = {upload->log.durable, phase != resume::UploadPhase::open,
                       phase == resume::UploadPhase::committed};
      }
      machine.cut_power();
      ASSERT_TRUE(machine.start().has_value());
      sender.check();
      if (HasFailure()) return;
    }
  }
}

/// Whatever a start could not do with one upload, the others are served, and the next start finds them all.
TEST(UploadStoreFaults, a_start_that_meets_a_failure_loses_nothing) {
  bool met = true;
  unsigned left_alone = 0;
  for (std::uint64_t n = 0; met; ++n) {
    ASSERT_LT(n, 200u);
    SCOPED_TRACE("operation " + std::to_string(n));
    Machine machine;
    ASSERT_TRUE(machine.start().has_value());
    for (const char* name : {"a", "b"}) {
      const UploadPtr upload = machine.create(name, kSize).value();
      ASSERT_TRUE(machine.run(machine.store().append(upload, 0, to_buffer(random_bytes(kStep, 1)))).has_value());
      ASSERT_TRUE(machine.run(machine.store().sync(upload)).has_value());
      ASSERT_TRUE(machine.run(machine.store().append(upload, kStep, to_buffer(random_bytes(100, 2)))).has_value());
    }
    machine.kill();
    const std::uint64_t failing = machine.fs.operations() + n;
    machine.fs.fail_operation(failing, Errc::io);
    if (machine.start()) {
      EXPECT_GE(machine.store().uploads().size(), 1u);
      left_alone += machine.store().uploads().size() == 1 ? 1 : 0;
    }
    met = machine.fs.operations() > failing;
    if (!met) break;
    machine.kill();
    ASSERT_TRUE(machine.start().has_value());
    for (const char* name : {"a", "b"}) {
      const UploadPtr upload = machine.store().find(name);
      ASSERT_NE(upload, nullptr) << name;
      EXPECT_EQ(upload->log.durable, kStep);
    }
  }
  EXPECT_GT(left_alone, 3u);
}

/// One failure, and the same sender goes on with the same store: a few tries are enough.
void fails_once(std::uint64_t n, Errc error) {
  SCOPED_TRACE("operation " + std::to_string(n) + " fails with " + std::string(to_string(error)));
  Machine machine;
  Sender sender(machine);
  machine.fs.fail_operation(n, error);
  Result<void> done = machine.start();
  if (!done) done = machine.start();
  ASSERT_TRUE(done.has_value());
  for (int tries = 0; tries < 3 && !sender.told.committed; ++tries) {
    done = sender.go_on();
    machine.pass(std::chrono::seconds(3));
  }
  EXPECT_TRUE(done.has_value()) << done.error().what;
  machine.kill();
  ASSERT_TRUE(machine.start().has_value());
  sender.check();
}

TEST(UploadStoreFaults, every_operation_fails_once) {
  const std::uint64_t operations = operations_of_a_life();
  for (std::uint64_t n = 0; n < operations; ++n) {
    fails_once(n, Errc::io);
    fails_once(n, Errc::no_space);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::uploads
