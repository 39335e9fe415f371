#include "holdfast/node/storage/patient_clock.h"

#include <gtest/gtest.h>

namespace holdfast::storage {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::int64_t kStart = 1'800'000'000;
constexpr std::int64_t kDay = 86'400, kDecade = 3'652 * kDay;

/// A machine whose wall clock can be set.
struct Machine {
  io::Time now{};
  std::int64_t wall = kStart, truth = kStart;
  PatientClock clock{now, wall};

  void run(std::chrono::seconds time) {
    now += time;
    wall += time.count();
    truth += time.count();
  }
  void run_and_look(std::chrono::seconds time) {
    for (const std::chrono::seconds step = hours(1); time > seconds(0); time -= std::min(time, step)) {
      run(std::min(time, step));
      clock.observe(now, wall);
    }
  }
  std::optional<std::int64_t> ended_until() { return clock.expiry_time(now, wall); }
  std::int64_t lease_time() { return clock.lease_time(now, wall); }
  /// Off for a while; the next process has what this one kept.
  void restart(std::chrono::seconds off) {
    const auto kept = clock.estimate(now);
    wall += off.count();
    truth += off.count();
    now = io::Time{} + seconds(77);
    clock = PatientClock(now, wall);
    if (kept) clock.restore(now, *kept);
  }
};

TEST(PatientClockTest, IsTrustedAfterThreeDaysAndNotBefore) {
  Machine machine;
  machine.run(std::chrono::duration_cast<seconds>(PatientClock::kProbation) - seconds(1));
  EXPECT_EQ(machine.ended_until(), std::nullopt);
  machine.run(seconds(1));
  EXPECT_EQ(machine.ended_until(), machine.truth - PatientClock::kTolerance);
  machine.run(hours(1'000));
  EXPECT_EQ(machine.ended_until(), machine.truth - PatientClock::kTolerance);
}

TEST(PatientClockTest, NoJumpMovesItWhileItLastsLessThanThreeDays) {
  for (const std::int64_t jump : {kDecade, -kDecade, kDay, -kDay, std::int64_t{3'600}, std::int64_t{-3'600}}) {
    Machine machine;
    machine.run_and_look(hours(100));
    machine.wall += jump;
    for (int hour = 0; hour < 71; ++hour) {
      machine.run_and_look(hours(1));
      EXPECT_LE(machine.ended_until().value_or(0), machine.truth) << jump;
      EXPECT_GE(machine.lease_time(), machine.truth) << jump;
    }
    machine.wall -= jump;
    for (int hour = 0; hour < 200; ++hour) {
      machine.run_and_look(hours(1));
      EXPECT_EQ(machine.ended_until(), machine.truth - PatientClock::kTolerance) << jump;
      EXPECT_EQ(machine.lease_time(), machine.truth) << jump;
    }
  }
}

TEST(PatientClockTest, AClockThatJumpsAgainAndAgainIsNeverBelieved) {
  Machine machine;
  machine.run_and_look(hours(100));
  for (int i = 0; i < 20; ++i) {
    machine.wall += kDecade / 20;
    machine.run_and_look(hours(60));
    EXPECT_LE(machine.ended_until().value(), machine.truth);
  }
}

TEST(PatientClockTest, AClockThatWasWrongFromTheFirstStartIsForgivenForThreeDays) {
  for (const std::int64_t error : {kDecade, -kDecade, -kStart}) {
    Machine machine;
    machine.wall += error;
    machine.clock = PatientClock(machine.now, machine.wall);
    machine.run_and_look(hours(71));
    EXPECT_EQ(machine.ended_until(), std::nullopt) << error;
    machine.wall -= error;
    machine.run_and_look(hours(71));
    EXPECT_EQ(machine.ended_until(), std::nullopt) << error;
    EXPECT_GE(machine.lease_time(), machine.truth) << error;
    machine.run_and_look(hours(2));
    EXPECT_EQ(machine.ended_until(), machine.truth - PatientClock::kTolerance) << error;
    EXPECT_EQ(machine.lease_time(), machine.truth) << error;
  }
}

TEST(PatientClockTest, AfterADowntimeLeasesHaveThreeDaysMore) {
  Machine machine;
  machine.run_and_look(hours(100));
  const std::int64_t stopped = machine.truth;
  machine.restart(hours(60 * 24));
  machine.run_and_look(hours(71));
  EXPECT_EQ(machine.ended_until(), stopped + 71 * 3'600 - PatientClock::kTolerance);
  EXPECT_EQ(machine.lease_time(), machine.truth);
  machine.run_and_look(hours(1));
  EXPECT_EQ(machine.ended_until(), machine.truth - PatientClock::kTolerance);
}

TEST(PatientClockTest, AJumpDuringADowntimeIsOneAsWell) {
  for (const std::int64_t jump : {kDecade, -kDecade, -kStart}) {
    Machine machine;
    machine.run_and_look(hours(100));
    machine.wall += jump;
    machine.restart(hours(1));
    machine.run_and_look(hours(71));
    EXPECT_LE(machine.ended_until().value_or(0), machine.truth) << jump;
    EXPECT_GE(machine.lease_time(), machine.truth - 3'600) << jump;
  }
}

TEST(PatientClockTest, BeforeTheYear2020NothingEnds) {
  Machine machine;
  machine.wall = 0;
  machine.clock = PatientClock(machine.now, machine.wall);
  machine.run_and_look(hours(1'000));
  EXPECT_EQ(machine.ended_until(), std::nullopt);
}

}  // namespace
}  // namespace holdfast::storage
