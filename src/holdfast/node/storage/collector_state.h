// What the garbage collector remembers over a restart: <storage dir>/holdfast-collector.state. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::storage {

struct CollectorState {
  std::string cursor;                 // the last prefix directory that was done; empty between cycles
  std::optional<std::int64_t> clock;  // PatientClock::estimate
  friend bool operator==(const CollectorState&, const CollectorState&) = default;
};

Bytes encode(const CollectorState& state);
/// Errors: malformed.
Result<CollectorState> decode_collector_state(ByteView bytes);

}  // namespace holdfast::storage
