// Drops shares whose leases have all ended. Off unless the operator wants it (storage-server.md 7).
//
// It walks the tree one prefix directory after another, in order, and uses at most a tenth of the time and a hundred
// buckets a second. After each prefix it notes where it is; a restarted server goes on with the next one. A cycle begins
// six minutes after the start at the earliest, and twelve hours after the one before.
//
// A share goes as a whole and only then: one unlink, when each of its leases has ended by PatientClock's time, while no
// lease can be renewed and nothing is uploaded for that storage index. A jump of the wall clock moves that time only when
// the clock has then run for 72 hours without another; until it was right for so long for the first time, nothing is
// dropped. What has no lease, what cannot be read, what is no share, mutable shares, and `incoming` stay. Leases that
// have ended stay in a share that has others: to take them out would risk the share for 72 bytes.
#pragma once

#include "holdfast/node/storage/collector_state.h"
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {

struct CollectorCounters {
  std::uint64_t cycles = 0, buckets = 0, buckets_removed = 0;
  std::uint64_t shares = 0, bytes = 0;  // looked at
  std::uint64_t dropped = 0, recovered_bytes = 0, unreadable = 0;
};

class GarbageCollector {
 public:
  static constexpr io::Duration kStartDelay = std::chrono::minutes(6);
  static constexpr io::Duration kCycleMin = std::chrono::hours(12);
  static constexpr io::Duration kBucketMin = std::chrono::milliseconds(10);

  GarbageCollector(ShareStore::World world, ShareStore& store, ExpiryPolicy policy)
      : world_(world), store_(store), policy_(policy), paths_(store.options().directory) {}

  /// Takes over what an earlier process noted: before leases are given. A state that cannot be read is none.
  io::Task<void> open();
  /// Collects until the scope is cancelled; does nothing when that is not wanted.
  io::Task<void> run();

  const CollectorCounters& counters() const { return counters_; }
  /// Whether there is a time to delete by.
  bool may_drop() const { return policy_.enabled && may_drop_; }

 private:
  io::Task<bool> cycle();
  io::Task<Result<std::string>> next_prefix();
  io::Task<bool> visit_prefix(std::string prefix);
  io::Task<bool> visit_bucket(StorageIndex si);
  io::Task<bool> rest(io::Time until);
  io::Task<void> save();

  ShareStore::World world_;
  ShareStore& store_;
  const ExpiryPolicy policy_;
  const StorePaths paths_;
  std::string cursor_;
  bool may_drop_ = false;
  CollectorCounters counters_;
};

}  // namespace holdfast::storage
