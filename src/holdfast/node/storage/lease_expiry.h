// When a lease has ended (storage-server.md 7).
#pragma once

#include <cstdint>
#include <optional>

namespace holdfast::storage {

/// What the operator wants. By default nothing ever ends.
struct ExpiryPolicy {
  enum class Mode { age, cutoff_date };

  bool enabled = false;
  Mode mode = Mode::age;
  std::optional<std::uint64_t> lease_seconds;  // age: instead of the 31 days that a lease has by itself
  std::int64_t cutoff_wall = 0;                // cutoff_date: what was renewed before has ended; once that day has come
  bool immutable = true;                       // whether immutable shares may go
};

/// In age mode without an own duration a lease ends when it says so. The reference compares an age with a date there, so
/// that nothing ever ends; who comes from it and relied on that will see deletions.
/// `now`: PatientClock::expiry_time.
bool lease_has_ended(const ExpiryPolicy& policy, std::uint32_t expires, std::int64_t now);

}  // namespace holdfast::storage
