// One incomplete upload as the loop sees it: what is held, who works on it, how long it has been idle.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/storage/upload_files.h"

namespace holdfast::storage {

struct UploadKey {
  StorageIndex si;
  ShareNumber share = 0;
  Hash at_rest_id;
  auto operator<=>(const UploadKey&) const = default;
};

/// Loop thread only, but for `files`, which jobs use. `order` makes writes and changes of state one at a time; `syncing`
/// lets one sync serve all who wait for it.
struct IncomingUpload {
  IncomingUpload(io::Loop& loop, const UploadKey& upload_key, std::uint64_t size, UploadFiles upload_files)
      : key(upload_key), allocated_size(size), files(std::move(upload_files)), order(loop, 1), syncing(loop, 1) {}

  const UploadKey key;
  const std::uint64_t allocated_size;
  bool resumable = false;
  UploadFiles files;

  RangeSet held;      // durable, and so is the record (legacy: written)
  RangeSet unsynced;  // written, not yet durable
  JournalLease lease;
  std::vector<JournalLease> more_leases;
  std::int64_t created_wall = 0, last_activity_wall = 0;
  io::Time last_activity{}, last_sync{};
  bool woken = true;         // since the last matching allocate or byte within the idle time: counts as active
  bool placing = false;      // it may have its final name already, but that is not durable: no share yet
  bool leaving = false;      // being evicted
  bool gone = false;         // completed, aborted, expired: nothing more happens to it
  bool left_behind = false;  // its files could not be deleted
  bool journalled = false;   // it has a journal, as far as the loop knows
  unsigned failed_syncs = 0, failed_audits = 0;
  bool starts_afresh = false;  // the next byte goes into a new file
  /// Hashes of what was written, for the audit; none when there is no header yet, or no memory for it. Jobs that use it
  /// hold `order` and a pointer of their own: to drop it is to forget it, also while one of them runs.
  std::shared_ptr<immutable::ArrivingBlocks> blocks;
  bool blocks_refused = false;
  unsigned users = 0;  // requests at work on it
  /// What each of them has still to bring, and when it last brought anything.
  struct Writing {
    Range rest;
    io::Time last_bytes;
  };
  using Writings = std::list<Writing>;
  Writings writings;
  io::Semaphore order, syncing;

  Range whole() const { return {0, allocated_size}; }
  RangeSet present() const {
    RangeSet out = held;
    out.add(unsynced);
    return out;
  }
  /// What a status or a PATCH answer calls required: everything that is not held.
  RangeSet required() const { return held.gaps(whole()); }
  /// What is coming in right now, or has come and will soon be durable: who asks may leave it to those who send it. A
  /// silent sender does not count.
  RangeSet writing(io::Time now) const {
    RangeSet out = unsynced;
    for (const Writing& each : writings) {
      if (now - each.last_bytes < kSilentWriter && !each.rest.empty()) out.add(each.rest);
    }
    return out;
  }
  static constexpr io::Duration kSilentWriter = std::chrono::seconds(10);
  bool complete() const { return held.contains(whole()); }
  /// All of it came, and nothing of it has been acknowledged yet. Only small ones: when the last step fails, all is lost.
  bool whole_at_once() const {
    return allocated_size <= kWholeAtOnceMax && held.empty() && unsynced.contains(whole()) && !journalled;
  }
  static constexpr std::uint64_t kWholeAtOnceMax = 4 * 1'048'576;
  std::uint64_t missing_bytes() const { return allocated_size - held.total() - unsynced.total(); }
  bool empty() const { return held.empty() && unsynced.empty(); }

  JournalContent journal() const {
    JournalContent out;
    out.header = {resumable, allocated_size, created_wall, key.at_rest_id, lease};
    out.held = held;
    out.more_leases = more_leases;
    out.last_activity_wall = last_activity_wall;
    return out;
  }
};

}  // namespace holdfast::storage
