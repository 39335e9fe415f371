// Room: what the disk has, what has been promised, and what incomplete uploads may take in all.
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {

io::Task<void> ShareStore::measure() {
  auto job = [this] { return world_.files.free_bytes(paths_.shares()); };
  const Result<std::uint64_t> free = co_await world_.disk.run(job);
  if (free) available_ = *free > options_.reserved_bytes ? *free - options_.reserved_bytes : 0;
}

std::uint64_t ShareStore::reserved_by_uploads() const {
  std::uint64_t sum = 0;
  for (const auto& [key, upload] : uploads_) {
    if (active(*upload)) sum += upload->missing_bytes();
  }
  return sum;
}

std::shared_ptr<IncomingUpload> ShareStore::longest_dormant(const IncomingUpload* keep) const {
  std::shared_ptr<IncomingUpload> oldest;
  for (const auto& [key, upload] : uploads_) {
    if (upload.get() == keep || upload->gone || active(*upload) || upload->empty()) continue;
    if (oldest == nullptr || upload->last_activity < oldest->last_activity) oldest = upload;
  }
  return oldest;
}

/// Room for so many more bytes, evicting dormant uploads, longest idle first, if that can be enough: for what does not fit
/// even then nobody loses anything.
io::Task<bool> ShareStore::make_room(std::uint64_t bytes, const IncomingUpload* keep) {
  for (;;) {
    const std::uint64_t reserved = reserved_by_uploads();
    const std::uint64_t free = available();
    if (free >= reserved && free - reserved >= bytes) co_return true;
    std::uint64_t at_most = free;
    for (const auto& [key, upload] : uploads_) {
      if (upload.get() != keep && !upload->gone && !active(*upload))
        at_most += upload->held.total() + upload->unsynced.total();
    }
    if (options_.read_only || at_most < reserved || at_most - reserved < bytes) co_return false;
    const std::shared_ptr<IncomingUpload> oldest = longest_dormant(keep);
    if (oldest == nullptr) co_return false;
    const bool dropped = co_await drop(oldest);
    if (dropped) ++counters_.evictions;
    co_await measure();
  }
}

/// Whether partial.max_bytes lets all active uploads and `upload`, or a new one of that size, come to their ends. Dormant
/// ones do not count: they go when bytes arrive, not for promises.
bool ShareStore::may_promise(std::uint64_t allocated_size, const IncomingUpload* upload) const {
  if (!options_.partial_bytes_max) return true;
  std::uint64_t left = *options_.partial_bytes_max;
  for (const auto& [key, other] : uploads_) {
    if (other.get() == upload || !active(*other)) continue;
    left -= std::min(left, other->allocated_size);
  }
  return allocated_size <= left;
}

/// Whether partial.max_bytes lets so many bytes come in now, evicting dormant uploads, longest idle first, while that helps.
io::Task<bool> ShareStore::make_way(std::uint64_t bytes, const IncomingUpload* keep) {
  if (!options_.partial_bytes_max) co_return true;
  for (;;) {
    std::uint64_t taken = arriving_bytes_;
    for (const auto& [key, upload] : uploads_) taken += upload->held.total() + upload->unsynced.total();
    if (taken <= *options_.partial_bytes_max && bytes <= *options_.partial_bytes_max - taken) co_return true;
    const std::shared_ptr<IncomingUpload> oldest = longest_dormant(keep);
    if (oldest == nullptr) co_return false;
    const bool dropped = co_await drop(oldest);
    if (dropped) ++counters_.evictions;
  }
}

}  // namespace holdfast::storage
