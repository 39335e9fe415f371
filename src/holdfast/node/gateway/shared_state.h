// What all files and readers of one gateway share.
#pragma once

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/gateway/known_digests.h"
#include "holdfast/node/gateway/limits.h"
#include "holdfast/node/gateway/segment_cache.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::gateway {

/// Units that may be held; whoever gets none makes do without.
class Allowance {
 public:
  explicit Allowance(std::uint64_t units) : left_(units) {}
  bool take(std::uint64_t units) {
    if (units > left_) return false;
    left_ -= units;
    return true;
  }
  void give_back(std::uint64_t units) { left_ += units; }
  std::uint64_t left() const { return left_; }

 private:
  std::uint64_t left_;
};

struct GatewayCounters {
  std::uint64_t requests = 0, refused_hosts = 0, refused_origins = 0, refused_tokens = 0;
  std::uint64_t bytes_sent = 0, broken_off = 0, clients_left = 0;
  std::uint64_t segments_fetched = 0, segments_from_cache = 0;
  std::uint64_t files_opened = 0;
};

/// Outlives every file and reader. `context` outlives it.
struct SharedState {
  SharedState(const transfer::Context& the_context, const GatewayLimits& the_limits)
      : context(the_context),
        limits(the_limits),
        cache(limits.cache_bytes_max),
        digests(limits.known_digests_max),
        held(limits.held_bytes_max),
        checks(limits.checks_max),
        fetching(the_context.loop, limits.fetching_bytes_max) {}

  const transfer::Context& context;
  const GatewayLimits limits;
  SegmentCache cache;
  KnownDigests digests;
  Allowance held;  // bytes
  Allowance checks;
  io::Semaphore fetching;  // bytes
  GatewayCounters counters;
};

}  // namespace holdfast::gateway
