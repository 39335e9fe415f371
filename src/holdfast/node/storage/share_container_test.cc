#include "holdfast/node/storage/share_container.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "support/seeded_random.h"
#include "support/vectors.h"

namespace holdfast::storage {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr char kPath[] = "/share";

LeaseRequest lease_of(char secret) {
  return {1, Secret(Bytes(32, static_cast<std::uint8_t>(secret))), Secret(Bytes(32, 'c'))};
}

class Container : public testing::Test {
 protected:
  explicit Container(std::uint64_t seed = 1) : random_(seed) {}

  std::unique_ptr<io::File> open() { return fs_.open(kPath, io::Open::create).value(); }
  void put(const Bytes& bytes) {
    const auto file = open();
    ASSERT_TRUE(file->truncate(0) && file->write(0, bytes) && file->sync() && fs_.sync_directory("/"));
  }
  Bytes get() { return io::read_file(fs_, kPath, 1'000'000).value(); }
  ContainerInfo inspect() { return inspect_container(*open(), false).value(); }
  std::vector<LeaseRecord> leases() { return read_leases(*open(), inspect()).value(); }
  LeaseOutcome add(char secret, std::int64_t now = kNow, bool may_add = true) {
    return add_or_renew_lease(*open(), lease_of(secret), now, may_add).value();
  }
  /// A share of 1000 bytes without leases.
  static Bytes share(unsigned version = 2) {
    Bytes out = container_header(1'000, 0);
    store_be(out, 0, 4, version);
    append(out, Bytes(1'000, 'd'));
    return out;
  }

  test::SeededRandom random_;
  io::MemoryFileSystem fs_{random_};
};

TEST_F(Container, LiesOnDiskAsTheSpecificationSays) {
  put(share());
  EXPECT_EQ(add('r'), LeaseOutcome::added);
  const Bytes bytes = get();
  ASSERT_EQ(bytes.size(), 12u + 1'000 + 72);
  EXPECT_EQ(to_hex(ByteView(bytes).first(12)),
            "00000002"
            "000003e8"
            "00000001");
  const ByteView lease = ByteView(bytes).subspan(1'012);
  EXPECT_EQ(load_be(lease, 0, 4), 1u);
  EXPECT_EQ(to_hex(lease.subspan(4, 32)), "40a94cee0d59896c000581cae57197c0e04310bca32e07620f461edb19ad593b");
  EXPECT_EQ(load_be(lease, 68, 4), std::uint64_t{kNow} + 2'678'400);
}

TEST_F(Container, OldContainersKeepSecretsInClear) {
  put(share(1));
  EXPECT_EQ(add('r'), LeaseOutcome::added);
  EXPECT_EQ(add('r', kNow + 5), LeaseOutcome::renewed);
  EXPECT_EQ(inspect().version, 1u);
  ASSERT_EQ(leases().size(), 1u);
  EXPECT_EQ(to_bytes(leases()[0].renew.view()), Bytes(32, 'r'));
  EXPECT_EQ(to_bytes(leases()[0].cancel.view()), Bytes(32, 'c'));
}

TEST_F(Container, RenewingMovesTheExpiryForwardOnly) {
  put(share());
  add('a');
  add('b', kNow + 10);
  EXPECT_EQ(add('a', kNow + 100), LeaseOutcome::renewed);
  EXPECT_EQ(add('b', kNow - 100), LeaseOutcome::renewed);
  ASSERT_EQ(leases().size(), 2u);
  EXPECT_EQ(leases()[0].expires, kNow + 100 + kLeaseSeconds);
  EXPECT_EQ(leases()[1].expires, kNow + 10 + kLeaseSeconds);
  EXPECT_EQ(inspect().data_bytes, 1'000u);
}

TEST_F(Container, WithoutRoomLeasesAreRenewedButNotAdded) {
  put(share());
  EXPECT_EQ(add('a', kNow, false), LeaseOutcome::no_room);
  add('a');
  EXPECT_EQ(add('a', kNow + 1, false), LeaseOutcome::renewed);
  EXPECT_EQ(leases().size(), 1u);
}

TEST_F(Container, OfAsManyLeasesAsAreTakenOnesThatHaveEndedGiveWay) {
  Bytes full = container_header(1'000, kLeasesMax);
  append(full, Bytes(1'000, 'd'));
  for (std::uint32_t i = 0; i < kLeasesMax; ++i)
    append(full, encode_lease({1, Hash::from(Bytes(32, 'x')), Hash::from(Bytes(32, 'y')),
                               static_cast<std::uint32_t>(kNow + 100 + i)}));
  put(full);
  EXPECT_EQ(add('a'), LeaseOutcome::no_room);
  EXPECT_EQ(add('a', kNow + 101), LeaseOutcome::added);
  EXPECT_EQ(add('a', kNow + 102), LeaseOutcome::renewed);
  EXPECT_EQ(add('b', kNow + 101), LeaseOutcome::no_room);
  ASSERT_EQ(leases().size(), kLeasesMax);
  EXPECT_EQ(leases()[0].expires, kNow + 102 + kLeaseSeconds);
  EXPECT_EQ(leases()[1].expires, kNow + 101);
  EXPECT_EQ(get().size(), full.size());
}

TEST_F(Container, TheClockMayBeAnything) {
  put(share());
  add('a', -kNow * 10);
  EXPECT_EQ(leases()[0].expires, 0u);
  add('a', std::int64_t{1} << 40);
  EXPECT_EQ(leases()[0].expires, 0xffffffffu);
}

TEST_F(Container, KindsAreToldApartByTheirFirstBytes) {
  const auto kind = [&](const Bytes& bytes) {
    put(bytes);
    return inspect().kind;
  };
  EXPECT_EQ(kind(share(1)), ContainerKind::immutable);
  EXPECT_EQ(kind(share(2)), ContainerKind::immutable);
  EXPECT_EQ(kind(share(3)), ContainerKind::unknown);
  EXPECT_EQ(kind(Bytes(11, 0)), ContainerKind::unknown);
  EXPECT_EQ(kind({}), ContainerKind::unknown);
  const auto slot = [](std::string_view text, const char* end) {
    Bytes bytes = to_bytes(text);
    append(bytes, test::from_hex(end));
    bytes.resize(472);
    return bytes;
  };
  EXPECT_EQ(kind(slot("Tahoe mutable container v1\n", "750944038e")), ContainerKind::mutable_slot);
  EXPECT_EQ(kind(slot("Tahoe mutable container v2\n", "c355219925")), ContainerKind::mutable_slot);
  EXPECT_EQ(kind(slot("Tahoe mutable container v2\n", "c355219926")), ContainerKind::unknown);
}

TEST_F(Container, TheLengthFieldIsNotNeeded) {
  Bytes bytes = share();
  store_be(bytes, 4, 4, 0xffffffff);
  put(bytes);
  EXPECT_EQ(inspect().data_bytes, 1'000u);
  EXPECT_EQ(add('a'), LeaseOutcome::added);
  EXPECT_EQ(inspect().data_bytes, 1'000u);
}

TEST_F(Container, SizesThatContradictAreCorrupt) {
  Bytes bytes = share();
  store_be(bytes, 8, 4, 20);
  put(bytes);
  EXPECT_EQ(inspect_container(*open(), false).error().code, Errc::corrupt);
}

TEST_F(Container, ALeaseThatACrashLeftBehindIsNotShareData) {
  for (std::size_t length = 1; length <= kLeaseBytes; ++length) {
    Bytes bytes = share();
    append(bytes, Bytes(length, 'x'));
    put(bytes);
    EXPECT_EQ(inspect().data_bytes, 1'000u) << length;
    EXPECT_EQ(get().size(), bytes.size());  // looking changes nothing
    EXPECT_EQ(add('a'), LeaseOutcome::added);
    EXPECT_EQ(get().size(), 12u + 1'000 + 72);
    EXPECT_EQ(leases().size(), 1u);
  }
}

/// Somebody else's lease comes after so many calls.
class BusyFile final : public io::File {
 public:
  BusyFile(std::unique_ptr<io::File> inner, int calls) : inner_(std::move(inner)), calls_(calls) {}
  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override { return met().read(offset, out); }
  Result<void> write(std::uint64_t offset, ByteView data) override { return met().write(offset, data); }
  Result<void> truncate(std::uint64_t size) override { return met().truncate(size); }
  Result<void> sync() override { return met().sync(); }
  Result<io::FileInfo> info() override { return met().info(); }
  Result<void> set_permissions(unsigned permissions) override { return met().set_permissions(permissions); }
  Result<void> lock() override { return met().lock(); }

 private:
  io::File& met() {
    const bool now = calls_-- == 0;
    EXPECT_TRUE(!now || add_or_renew_lease(*inner_, lease_of('z'), kNow, true).has_value());
    return *inner_;
  }
  std::unique_ptr<io::File> inner_;
  int calls_;
};

TEST_F(Container, ALeaseThatComesWhileItIsLookedAtDoesNotMakeTheShareShorter) {
  for (int calls = 0; calls <= 2; ++calls) {
    put(share());
    BusyFile file(open(), calls);
    EXPECT_EQ(inspect_container(file, false)->data_bytes, 1'000u) << calls;
  }
}

class ContainerPowerCut : public Container, public testing::WithParamInterface<int> {
 protected:
  ContainerPowerCut() : Container(static_cast<std::uint64_t>(GetParam())) {}
};
INSTANTIATE_TEST_SUITE_P(Seeds, ContainerPowerCut, testing::Range(0, 20));

TEST_P(ContainerPowerCut, WhileALeaseIsAddedTakesNothingFromShareOrLeases) {
  put(share());
  add('a');
  for (std::uint64_t cut = 0; cut < 10; ++cut) {
    const std::size_t before = leases().size();
    fs_.power_off_from(fs_.operations() + 1 + cut);
    const char secret = static_cast<char>('b' + cut);
    const auto added = add_or_renew_lease(*open(), lease_of(secret), kNow, true);
    fs_.power_cut();
    EXPECT_EQ(inspect().data_bytes, 1'000u) << cut;
    const std::vector<LeaseRecord> left = leases();
    EXPECT_GE(left.size(), before + (added ? 1 : 0));
    EXPECT_LE(left.size(), before + 1);
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(left[i].expires, kNow + kLeaseSeconds) << cut;
    const Bytes bytes = get();
    EXPECT_EQ(Bytes(bytes.begin() + 12, bytes.begin() + 1'012), Bytes(1'000, 'd'));
    add(secret);
  }
}

TEST_P(ContainerPowerCut, OfALeaseThatIsAcknowledgedTakesNothingWhateverBecameOfAnEarlierAttempt) {
  for (std::uint64_t n = 0;; ++n) {
    ASSERT_LT(n, 20u);
    put(share());
    const auto file = open();
    fs_.fail_operation(fs_.operations() + n, Errc::io);
    if (add_or_renew_lease(*file, lease_of('a'), kNow, true)) break;
    EXPECT_NE(add('a'), LeaseOutcome::no_room);
    fs_.power_cut();
    ASSERT_EQ(leases().size(), 1u) << n;
    EXPECT_EQ(leases()[0].expires, kNow + kLeaseSeconds);
  }
}

}  // namespace
}  // namespace holdfast::storage
