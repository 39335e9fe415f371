#include "holdfast/node/storage/garbage_collector.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/node/storage/garbage_collector_test_kit.h"

namespace holdfast::storage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::Client;
using test::collect;
using test::Collecting;
using test::index_of;
using test::kDay;
using test::lease_of;
using test::sample_index;

constexpr std::int64_t kDecade = 3'652 * kDay;

class GarbageCollectorTest : public testing::Test {
 protected:
  void start() { ASSERT_TRUE(on_.start().has_value()); }
  Collecting on_;
  const StorageIndex si_ = index_of(1);
};

TEST_F(GarbageCollectorTest, DropsNothingByDefault) {
  on_.policy = ExpiryPolicy{};
  start();
  on_.put(si_, 1, {on_.ends_in(-1'000)});
  on_.run(hours(1'000));
  EXPECT_TRUE(on_.has(si_, 1));
  EXPECT_EQ(on_.collector->counters().buckets, 0u);
  EXPECT_FALSE(on_.machine.fs.info(on_.machine.paths().collector_state()).has_value());
}

TEST_F(GarbageCollectorTest, DropsWhatHasOnlyEndedLeasesAndTheEmptyBucket) {
  start();
  on_.put(si_, 1, {on_.ends_in(-1)});
  on_.put(si_, 2, {on_.ends_in(-100), on_.ends_in(-50), on_.ends_in(-2)});
  on_.put(index_of(2), 1, {on_.ends_in(-1)});
  on_.put(index_of(2), 2, {on_.ends_in(100)});
  on_.put(index_of(3), 1, {on_.ends_in(-1), on_.ends_in(100)});
  on_.settle();
  EXPECT_FALSE(on_.has(si_, 1) || on_.has(si_, 2) || on_.has(index_of(2), 1));
  EXPECT_FALSE(on_.machine.fs.info(on_.machine.paths().bucket(si_)).has_value());
  EXPECT_TRUE(on_.machine.fs.info(io::parent_path(on_.machine.paths().bucket(si_))).has_value())
      << "prefix directories stay";
  EXPECT_TRUE(on_.has(index_of(2), 2));
  EXPECT_TRUE(on_.has(index_of(3), 1));
  const CollectorCounters& counters = on_.collector->counters();
  EXPECT_EQ(counters.dropped, 3u);
  EXPECT_EQ(counters.recovered_bytes, 3 * (12 + Collecting::kShareBytes) + 5 * kLeaseBytes);
  EXPECT_EQ(counters.buckets_removed, 1u);
  EXPECT_GE(counters.shares, 5u);
  EXPECT_GE(counters.cycles, 2u);
  EXPECT_EQ(counters.unreadable, 0u);
}

TEST_F(GarbageCollectorTest, LeavesAloneWhatIsNotForIt) {
  start();
  const Bytes v1 = [&] {
    Bytes out = container_header(100, 0);
    out.resize(112, 1);
    return out;
  }();
  Bytes mutable_slot = to_bytes(std::string_view("Tahoe mutable container v2\n\xc3\x55\x21\x99\x25"));
  mutable_slot.resize(600);
  Bytes short_one = container_header(0, 50);
  on_.put_file(si_, "1", v1);  // never had a lease
  on_.put_file(index_of(2), "1", mutable_slot);
  on_.put_file(index_of(3), "1", short_one);         // shorter than its leases
  on_.put_file(index_of(4), "1", Bytes(100, 0xee));  // no container
  on_.put_file(index_of(5), "notes", Bytes(100, 0xee));
  on_.put(index_of(5), 1, {on_.ends_in(-1)});
  on_.settle();
  for (std::uint8_t i = 1; i <= 4; ++i) EXPECT_TRUE(on_.has(index_of(i), 1)) << int(i);
  EXPECT_FALSE(on_.has(index_of(5), 1));
  EXPECT_TRUE(on_.machine.fs.info(on_.machine.paths().bucket(index_of(5)) + "/notes").has_value());
  EXPECT_GE(on_.collector->counters().unreadable, 2u);
  EXPECT_EQ(on_.dropped(), 1u);
}

TEST_F(GarbageCollectorTest, LeavesImmutableSharesWhenTheyAreNotToExpire) {
  on_.policy.immutable = false;
  start();
  on_.put(si_, 1, {on_.ends_in(-100)});
  on_.settle();
  EXPECT_TRUE(on_.has(si_, 1));
}

TEST_F(GarbageCollectorTest, RemovesBucketsThatAreEmptyAlready) {
  start();
  ASSERT_TRUE(on_.machine.fs.make_directories(on_.machine.paths().bucket(si_)).has_value());
  on_.run(hours(1));
  EXPECT_FALSE(on_.machine.fs.info(on_.machine.paths().bucket(si_)).has_value());
}

TEST_F(GarbageCollectorTest, DropsNothingBeforeItHasRunForThreeDays) {
  start();
  on_.put(si_, 1, {on_.ends_in(-1'000)});
  on_.run(hours(71));
  EXPECT_TRUE(on_.has(si_, 1));
  EXPECT_GE(on_.collector->counters().shares, 5u) << "it looks";
  on_.run(hours(14));
  EXPECT_FALSE(on_.has(si_, 1));
}

TEST_F(GarbageCollectorTest, AClockTenYearsAheadOrBehindAndBackDropsNothingEarly) {
  for (const std::int64_t jump : {kDecade, -kDecade}) {
    Collecting on;
    ASSERT_TRUE(on.start().has_value());
    on.put(si_, 1, {on.ends_in(20)});
    on.put(si_, 2, {on.ends_in(7)});
    on.settle();
    on.machine.loop.jump_wall_clock(jump);
    on.run(hours(70));
    EXPECT_TRUE(on.has(si_, 1) && on.has(si_, 2)) << jump;
    on.machine.loop.jump_wall_clock(-jump);
    on.run(hours(30));
    EXPECT_TRUE(on.has(si_, 1)) << jump;
    EXPECT_FALSE(on.has(si_, 2)) << "ended by now, jump or not: " << jump;
    on.run(hours(24 * 14));
    EXPECT_FALSE(on.has(si_, 1)) << jump;
  }
}

TEST_F(GarbageCollectorTest, LeasesThatWereGivenByAClockTenYearsBehindLastTheirTime) {
  start();
  on_.settle();
  on_.machine.loop.jump_wall_clock(-kDecade);
  Client client;
  ASSERT_TRUE(on_.machine.run(client.upload(&on_.machine.store())).has_value());
  on_.put(si_, 1, {on_.ends_in(-1)});
  ASSERT_TRUE(on_.machine.run(on_.machine.store().add_lease(si_, lease_of('z'))).has_value());
  on_.machine.loop.jump_wall_clock(kDecade);
  on_.run(hours(30 * 24));
  EXPECT_TRUE(on_.has(sample_index(), 4));
  EXPECT_TRUE(on_.has(si_, 1));
  on_.run(hours(2 * 24));
  EXPECT_FALSE(on_.has(sample_index(), 4));
  EXPECT_FALSE(on_.has(si_, 1));
}

TEST_F(GarbageCollectorTest, ARestartNeitherForgetsTheTimeNorBelievesAJumpMeanwhile) {
  start();
  on_.put(si_, 2, {on_.ends_in(20)});
  on_.settle();
  on_.put(si_, 1, {on_.ends_in(-1)});
  start();
  on_.run(hours(1));
  EXPECT_FALSE(on_.has(si_, 1)) << "no three days anew";
  on_.machine.stop();
  on_.machine.loop.jump_wall_clock(kDecade);
  start();
  on_.run(hours(71));
  EXPECT_TRUE(on_.has(si_, 2));
  on_.machine.loop.jump_wall_clock(-kDecade);
  on_.run(hours(100));
  EXPECT_TRUE(on_.has(si_, 2));
}

TEST_F(GarbageCollectorTest, AfterALongDowntimeClientsHaveThreeDaysToRenew) {
  start();
  on_.put(si_, 1, {on_.ends_in(25)});
  on_.put(si_, 2, {on_.ends_in(25)});
  on_.settle();
  on_.machine.stop();
  on_.machine.loop.jump_wall_clock(60 * kDay);
  start();
  on_.run(hours(71));
  EXPECT_TRUE(on_.has(si_, 1) && on_.has(si_, 2));
  EXPECT_TRUE(on_.machine.run(on_.machine.store().add_lease(si_, lease_of('A'))).has_value());
  on_.put(index_of(9), 1, {on_.ends_in(-1)});
  on_.run(hours(14));
  EXPECT_TRUE(on_.has(si_, 1) && on_.has(si_, 2));
  EXPECT_FALSE(on_.has(index_of(9), 1));
}

TEST_F(GarbageCollectorTest, LeavesABucketWithAnUploadUnderWay) {
  start();
  on_.machine.store().restore_clock(on_.machine.loop.wall_seconds());
  on_.put(sample_index(), 7, {on_.ends_in(-1)});
  Client client;
  static_cast<void>(on_.machine.run(client.upload(&on_.machine.store(), 1)));
  on_.machine.finish(collect(&on_.machine.store(), sample_index(), on_.policy));
  EXPECT_TRUE(on_.has(sample_index(), 7));
  ASSERT_TRUE(on_.machine.run(client.upload(&on_.machine.store())).has_value());
  on_.machine.finish(collect(&on_.machine.store(), sample_index(), on_.policy));
  EXPECT_EQ(on_.has(sample_index(), 7), true) << "the allocation has renewed it";
}

TEST_F(GarbageCollectorTest, WalksSlowlyAndGoesOnWhereItWasAfterARestart) {
  start();
  constexpr std::uint64_t kPrefixes = 20, kEach = 15;
  for (std::uint8_t i = 0; i < kPrefixes; ++i) {
    for (std::uint8_t j = 0; j < kEach; ++j)
      on_.put(index_of(static_cast<std::uint8_t>(i * 8), j), 1, {on_.ends_in(100)});
  }
  on_.run(std::chrono::duration_cast<seconds>(GarbageCollector::kStartDelay) - seconds(1));
  EXPECT_EQ(on_.collector->counters().shares, 0u);
  on_.run(std::chrono::duration_cast<seconds>(GarbageCollector::kStartDelay) + seconds(1));
  const std::uint64_t before = on_.collector->counters().shares;
  EXPECT_GT(before, 50u);
  EXPECT_LE(before, 101u);
  start();
  on_.run(hours(1));
  const std::uint64_t after = on_.collector->counters().shares;
  EXPECT_EQ(after, kPrefixes * kEach - before / kEach * kEach) << "whole prefixes are not done again";
  EXPECT_EQ(on_.collector->counters().cycles, 1u);
  on_.run(hours(12));
  EXPECT_EQ(on_.collector->counters().shares, after + kPrefixes * kEach);
}

TEST_F(GarbageCollectorTest, AStateThatCannotBeReadBeginsANewCycle) {
  start();
  on_.put(si_, 1, {on_.ends_in(100)});
  const auto file = on_.machine.fs.open(on_.machine.paths().collector_state(), io::Open::create).value();
  ASSERT_TRUE(file->write(0, Bytes(50, 'x')).has_value());
  start();
  on_.run(hours(1));
  EXPECT_EQ(on_.collector->counters().shares, 1u);
}

/// From a settled start to the end of a cycle in which some go and some stay.
class Crashes : public testing::TestWithParam<int> {
 protected:
  static void fill(Collecting& on) {
    for (std::uint8_t i = 0; i < 4; ++i) {
      on.put(index_of(static_cast<std::uint8_t>(i * 60)), 1, {on.ends_in(-1), on.ends_in(-5)});
      on.put(index_of(static_cast<std::uint8_t>(i * 60)), 2, {on.ends_in(i % 2 == 0 ? -1 : 100)});
    }
  }
  static void begin(Collecting& on) {
    if (!on.start()) return;
    on.machine.store().restore_clock(on.machine.loop.wall_seconds());
    on.run(minutes(10));
  }
  static void expect_whole_or_none(Collecting& on, const std::string& where) {
    for (std::uint8_t i = 0; i < 4; ++i) {
      for (ShareNumber number : {1, 2}) {
        const StorageIndex si = index_of(static_cast<std::uint8_t>(i * 60));
        const bool due = number == 1 || i % 2 == 0;
        EXPECT_TRUE(due || on.has(si, number)) << where << ": a share with a lease is gone";
        if (!on.has(si, number)) continue;
        const auto share = on.machine.run(on.machine.store().open_share(si, number));
        ASSERT_TRUE(share.has_value()) << where;
        EXPECT_EQ(on.machine.run(on.machine.store().read(*share, {0, share->bytes})).value(),
                  Bytes(Collecting::kShareBytes, static_cast<std::uint8_t>(number)))
            << where;
      }
    }
  }
  static void expect_the_rest_goes(Collecting& on, const std::string& where) {
    on.machine.store().restore_clock(on.machine.loop.wall_seconds());
    on.run(hours(14));
    for (std::uint8_t i = 0; i < 4; ++i) {
      const StorageIndex si = index_of(static_cast<std::uint8_t>(i * 60));
      EXPECT_FALSE(on.has(si, 1)) << where;
      EXPECT_EQ(on.has(si, 2), i % 2 != 0) << where;
      EXPECT_EQ(on.machine.fs.info(on.machine.paths().bucket(si)).has_value(), i % 2 != 0) << where;
    }
  }
  std::uint64_t seed(std::uint64_t operation) const {
    return static_cast<std::uint64_t>(GetParam()) * 1'000 + operation;
  }
};
INSTANTIATE_TEST_SUITE_P(Seeds, Crashes, testing::Range(0, 3));

TEST_P(Crashes, AtEveryOperationLeaveWholeSharesOrNone) {
  for (std::uint64_t cut = 0;; ++cut) {
    const std::string where = "cut at operation " + std::to_string(cut);
    Collecting on(seed(cut));
    fill(on);
    const std::uint64_t first = on.machine.fs.operations();
    on.machine.fs.power_off_from(first + cut);
    begin(on);
    const bool reached = on.machine.fs.operations() > first + cut;
    on.collector.reset();
    on.machine.cut_power();
    ASSERT_TRUE(on.start().has_value()) << where;
    expect_whole_or_none(on, where);
    expect_the_rest_goes(on, where);
    if (HasFailure() || !reached) return;
  }
}

TEST_P(Crashes, AndSoDoesAnyFailure) {
  for (std::uint64_t n = 0;; ++n) {
    const std::string where = "operation " + std::to_string(n) + " fails";
    Collecting on(seed(n));
    fill(on);
    const std::uint64_t failing = on.machine.fs.operations() + n;
    on.machine.fs.fail_operation(failing, Errc::io);
    begin(on);
    const bool reached = on.machine.fs.operations() > failing;
    const Result<void> open = on.collector ? Result<void>{} : on.start();
    ASSERT_TRUE(open.has_value()) << where;
    expect_whole_or_none(on, where);
    expect_the_rest_goes(on, where);
    if (HasFailure() || !reached) return;
  }
}

}  // namespace
}  // namespace holdfast::storage
