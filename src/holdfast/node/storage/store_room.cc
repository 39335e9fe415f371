// Room: what the disk has, what has been promised, and what incomplete uploads may take in all.
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {

io::Task<void> ShareStore::measure() {
  auto job = [this] { return world_.files.free_bytes(paths_.shares()); };
  const Result<std::uint64_t> free = co_await world_.disk.run(job);
  if (free) free_ = *free;
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
    if (upload.get() == keep || upload->leaving || upload->gone || active(*upload) || upload->empty()) continue;
    if (oldest == nullptr || upload->last_activity < oldest->last_activity) oldest = upload;
  }
  return oldest;
}

/// Its room counts as free until it is measured again: a file system may take a while to say so, and others would go for nothing.
io::Task<void> ShareStore::evict(std::shared_ptr<IncomingUpload> upload) {
  upload->leaving = true;
  const std::uint64_t bytes = upload->held.total() + upload->unsynced.total();
  const bool dropped = co_await drop(upload);
  upload->leaving = false;
  if (dropped) {
    ++counters_.evictions;
    free_ += bytes;
  }
  evicted_.notify_all();
}

/// Room for so many more bytes, evicting dormant uploads, longest idle first, if that can be enough: for what does not fit
/// even then nobody loses anything.
io::Task<bool> ShareStore::make_room(std::uint64_t bytes, const IncomingUpload* keep) {
  for (;;) {
    const std::uint64_t reserved = reserved_by_uploads();
    const std::uint64_t free = available();
    if (free >= reserved && free - reserved >= bytes) co_return true;
    std::uint64_t soon = free, at_most = free;  // when those that are leaving have left; when all dormant ones have
    for (const auto& [key, upload] : uploads_) {
      const std::uint64_t taken = upload->held.total() + upload->unsynced.total();
      if (upload->leaving) soon += taken;
      if (upload->leaving || (upload.get() != keep && !upload->gone && !active(*upload))) at_most += taken;
    }
    if (options_.read_only || at_most < reserved || at_most - reserved < bytes) co_return false;
    if (soon >= reserved && soon - reserved >= bytes) {  // others have made room enough
      const bool told = co_await evicted_.wait();
      if (!told) co_return false;
      continue;
    }
    const std::shared_ptr<IncomingUpload> oldest = longest_dormant(keep);
    if (oldest == nullptr) co_return false;
    co_await evict(oldest);
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
    std::uint64_t taken = arriving_bytes_, staying = arriving_bytes_;
    for (const auto& [key, upload] : uploads_) {
      const std::uint64_t held = upload->held.total() + upload->unsynced.total();
      taken += held;
      if (!upload->leaving) staying += held;
    }
    const auto fits = [&](std::uint64_t beside) {
      return beside <= *options_.partial_bytes_max && bytes <= *options_.partial_bytes_max - beside;
    };
    if (fits(taken)) co_return true;
    if (fits(staying)) {  // others have made room enough
      const bool told = co_await evicted_.wait();
      if (!told) co_return false;
      continue;
    }
    const std::shared_ptr<IncomingUpload> oldest = longest_dormant(keep);
    if (oldest == nullptr) co_return false;
    co_await evict(oldest);
  }
}

}  // namespace holdfast::storage
