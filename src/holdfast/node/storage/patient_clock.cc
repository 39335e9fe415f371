#include "holdfast/node/storage/patient_clock.h"

#include <algorithm>
#include <cstdlib>

namespace holdfast::storage {

void PatientClock::restore(io::Time now, std::int64_t estimate) {
  if (estimate < kPlausibleWall) return;
  estimate_ = estimate;
  estimate_at_ = now;
  trusted_ = true;
}

void PatientClock::observe(io::Time now, std::int64_t wall) {
  const std::int64_t ran = (now - anchor_at_) / std::chrono::seconds(1);
  if (wall < kPlausibleWall || std::abs(wall - wall_anchor_ - ran) > kTolerance) {
    wall_anchor_ = wall;
    anchor_at_ = now;
  } else if (now - anchor_at_ >= kProbation) {
    estimate_ = wall;
    estimate_at_ = now;
    trusted_ = true;
  }
}

std::int64_t PatientClock::lease_time(io::Time now, std::int64_t wall) {
  observe(now, wall);
  return std::max(at(now), wall);
}

std::optional<std::int64_t> PatientClock::expiry_time(io::Time now, std::int64_t wall) {
  observe(now, wall);
  if (!trusted_ || wall < kPlausibleWall) return std::nullopt;
  return std::min(at(now), wall) - kTolerance;
}

std::optional<std::int64_t> PatientClock::estimate(io::Time now) const {
  if (!trusted_) return std::nullopt;
  return at(now);
}

}  // namespace holdfast::storage
