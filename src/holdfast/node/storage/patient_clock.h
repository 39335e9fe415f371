// The time of day as leases see it: wall clocks jump, and a jump must not end a lease (F26).
#pragma once

#include <cstdint>
#include <optional>

#include "holdfast/edge/io/loop.h"

namespace holdfast::storage {

/// Keeps an own estimate of the time, in seconds since 1970, that only the monotonic clock moves. The wall clock is
/// believed, and taken over, when it has run beside the monotonic one without a jump for kProbation of running time; each
/// start and each jump begins that anew. An earlier process's estimate is believed at once, and went no further while
/// nothing ran: nobody could renew a lease then.
/// So a wall clock that is wrong for less than kProbation at a stretch never ends a lease early; one that is late, or a
/// server that was off, ends leases late. Whoever asks need not ask often: a jump there and back between two questions
/// has moved nothing.
class PatientClock {
 public:
  static constexpr io::Duration kProbation = std::chrono::hours(72);  // a weekend: somebody notices
  static constexpr std::int64_t kTolerance = 600;
  static constexpr std::int64_t kPlausibleWall = 1'577'836'800;  // 2020-01-01: an earlier clock says nothing

  PatientClock(io::Time now, std::int64_t wall)
      : estimate_(wall), estimate_at_(now), wall_anchor_(wall), anchor_at_(now) {}

  /// What an earlier process kept.
  void restore(io::Time now, std::int64_t estimate);
  void observe(io::Time now, std::int64_t wall);

  /// From when a lease counts that is given now: also while the clock is behind, it does not end too early.
  std::int64_t lease_time(io::Time now, std::int64_t wall);
  /// The time until which leases may be said to have ended. Nothing while there is no time to be trusted.
  std::optional<std::int64_t> expiry_time(io::Time now, std::int64_t wall);
  /// To be kept for the next process.
  std::optional<std::int64_t> estimate(io::Time now) const;

 private:
  std::int64_t at(io::Time now) const { return estimate_ + (now - estimate_at_) / std::chrono::seconds(1); }

  std::int64_t estimate_;
  io::Time estimate_at_;
  bool trusted_ = false;
  std::int64_t wall_anchor_;  // where the probation began
  io::Time anchor_at_;
};

}  // namespace holdfast::storage
