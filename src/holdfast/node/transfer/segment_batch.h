// A run of segments on its way: which copies were asked, and what has come of them.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "holdfast/edge/io/cancel_scope.h"
#include "holdfast/node/transfer/hedging.h"
#include "holdfast/node/transfer/share_copy.h"

namespace holdfast::transfer {

/// k copies' blocks of a run of segments. Batches may overlap in time.
struct SegmentBatch {
  /// Of a copy that is or was asked: what has come, how it looked last, and how to stop it.
  struct Arrival {
    grid::Arriving bytes;
    io::CancelScope* running = nullptr;
    std::optional<Trail> trail;
    Pace pace;
    bool lags = false;
  };
  SegmentNumber first = 0, end = 0;
  bool hashes_only = false;
  std::size_t needed = 0;
  std::vector<std::pair<ShareNumber, Buffer>> got;
  std::multiset<ShareNumber> running;
  std::set<ShareCopy*> tried;
  std::map<ShareCopy*, Arrival> arrivals;
  double started = 0;
  std::uint64_t judged_at_look = 0;

  /// Something came since the last look.
  bool moves() const {
    return std::ranges::any_of(arrivals, [](const auto& each) {
      return each.second.running != nullptr && each.second.bytes.arrived > each.second.pace.arrived;
    });
  }
  bool has(ShareNumber share) const {
    return std::ranges::any_of(got, [&](const auto& each) { return each.first == share; });
  }
  /// It is on its way from somebody who does not lag.
  bool awaits(ShareNumber share) const {
    const auto lagging = std::ranges::count_if(arrivals, [&](const auto& each) {
      return each.first->reader.share() == share && each.second.running != nullptr && each.second.lags;
    });
    return static_cast<std::ptrdiff_t>(running.count(share)) > lagging;
  }
  /// From whomever else it was still coming.
  void cancel(ShareNumber share) {
    for (auto& [copy, arrival] : arrivals) {
      if (copy->reader.share() == share && arrival.running != nullptr) arrival.running->cancel();
    }
  }
  std::size_t missing() const { return needed - std::min(needed, got.size()); }
  /// Of those that run, the ones that are worth waiting for.
  std::size_t hopeful() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        arrivals, [](const auto& each) { return each.second.running != nullptr && !each.second.lags; }));
  }
};

}  // namespace holdfast::transfer
