#include "holdfast/node/storage/garbage_collector.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kStateBytesMax = 1'000;
constexpr io::Duration kSaveEvery = std::chrono::hours(1);  // what the clock may lose at a crash
constexpr int kIdleShare = 9;                               // for each second of work so many of rest

}  // namespace

io::Task<void> GarbageCollector::open() {
  if (!policy_.enabled) co_return;
  auto job = [this]() -> Result<CollectorState> {
    HF_TRY(const Bytes bytes, io::read_file(world_.files, paths_.collector_state(), kStateBytesMax));
    return decode_collector_state(bytes);
  };
  const Result<CollectorState> state = co_await world_.disk.run(job);
  if (!state) {
    if (state.error().code != Errc::not_found)
      world_.log.warning("the garbage collector begins anew: " + state.error().what);
    co_return;
  }
  cursor_ = state->cursor;
  if (state->clock) store_.restore_clock(*state->clock);
}

io::Task<void> GarbageCollector::run() {
  if (!policy_.enabled) co_return;
  bool go_on = co_await rest(world_.loop.now() + kStartDelay);
  while (go_on) {
    const io::Time began = world_.loop.now();
    go_on = co_await cycle();
    if (go_on) go_on = co_await rest(std::max(began + kCycleMin, world_.loop.now() + kBucketMin));
  }
}

/// From the cursor to the last prefix. False when cancelled.
io::Task<bool> GarbageCollector::cycle() {
  for (;;) {
    const Result<std::string> prefix = co_await next_prefix();
    if (!prefix) {
      world_.log.warning("the garbage collector cannot list the shares: " + prefix.error().what);
      co_return true;
    }
    if (prefix->empty()) break;
    const bool visited = co_await visit_prefix(*prefix);
    if (!visited) co_return false;
    cursor_ = *prefix;
    co_await save();
  }
  cursor_.clear();
  ++counters_.cycles;
  world_.log.info("garbage collection: " + std::to_string(counters_.shares) + " shares looked at since the start, " +
                  std::to_string(counters_.dropped) + " dropped");
  co_await save();
  co_return true;
}

/// The one behind the cursor; empty when there is none.
io::Task<Result<std::string>> GarbageCollector::next_prefix() {
  auto job = [this]() -> Result<std::string> {
    HF_TRY(const auto entries, world_.files.list(paths_.shares()));
    std::string next;
    for (const auto& entry : entries) {
      const bool fits = entry.is_directory && is_prefix_name(entry.name) && entry.name > cursor_;
      if (fits && (next.empty() || entry.name < next)) next = entry.name;
    }
    return next;
  };
  co_return co_await world_.disk.run(job);
}

io::Task<bool> GarbageCollector::visit_prefix(std::string prefix) {
  auto job = [&]() -> Result<std::vector<StorageIndex>> {
    std::vector<StorageIndex> buckets;
    HF_TRY(const auto entries, world_.files.list(paths_.shares() + "/" + prefix));
    for (const auto& entry : entries) {
      const auto si = base32_decode_id<StorageIndex>(entry.name);
      if (si && entry.is_directory && entry.name.starts_with(prefix)) buckets.push_back(*si);
    }
    return buckets;
  };
  Result<std::vector<StorageIndex>> buckets = co_await world_.disk.run(job);
  if (!buckets) {
    world_.log.warning("the garbage collector cannot list shares/" + prefix + ": " + buckets.error().what);
    co_return co_await io::sleep_for(kBucketMin);
  }
  std::ranges::sort(*buckets);
  for (const StorageIndex& si : *buckets) {
    const bool visited = co_await visit_bucket(si);
    if (!visited) co_return false;
  }
  co_return true;
}

/// And a rest that fits the work.
io::Task<bool> GarbageCollector::visit_bucket(StorageIndex si) {
  const io::Time began = world_.loop.now();
  const Result<ShareStore::BucketVisit> visit = co_await store_.collect(si, policy_);
  if (visit) {
    ++counters_.buckets;
    counters_.buckets_removed += visit->removed ? 1 : 0;
    counters_.shares += visit->shares;
    counters_.bytes += visit->bytes;
    counters_.dropped += visit->dropped;
    counters_.recovered_bytes += visit->recovered_bytes;
    counters_.unreadable += visit->unreadable;
  } else if (visit.error().code != Errc::cancelled) {
    world_.log.warning("the garbage collector failed at a bucket: " + visit.error().what);
  }
  co_return co_await io::sleep_for(std::max<io::Duration>(kBucketMin, kIdleShare * (world_.loop.now() - began)));
}

/// False when cancelled. The clock is kept now and then.
io::Task<bool> GarbageCollector::rest(io::Time until) {
  while (world_.loop.now() < until) {
    const bool slept = co_await io::sleep_until(std::min(until, world_.loop.now() + kSaveEvery));
    if (!slept) co_return false;
    co_await save();
  }
  co_return true;
}

io::Task<void> GarbageCollector::save() {
  CollectorState state;
  state.cursor = cursor_;
  state.clock = store_.clock_estimate();
  may_drop_ = state.clock.has_value();
  const Bytes bytes = encode(state);
  auto job = [&] { return io::write_file_atomically(world_.files, paths_.collector_state(), bytes); };
  const Result<void> saved = co_await world_.disk.run(job);
  if (!saved) world_.log.warning("the garbage collector's state cannot be kept: " + saved.error().what);
}

}  // namespace holdfast::storage
