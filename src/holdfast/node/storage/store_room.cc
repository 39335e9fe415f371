// Room: what the disk has, what has been promised, and what incomplete uploads may take in all.
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr io::Duration kSumsLast = std::chrono::milliseconds(100);

}  // namespace

io::Task<void> ShareStore::measure() {
  auto job = [this] { return world_.files.free_bytes(paths_.shares()); };
  const Result<std::uint64_t> free = co_await world_.disk.run(job);
  if (free) free_ = *free;
}

/// One message may ask for hundreds of shares while there are thousands of uploads: they are added up once for all of it.
const ShareStore::Sums& ShareStore::sums() {
  if (sums_ && world_.loop.now() - sums_->at < kSumsLast) return *sums_;
  Sums sums{world_.loop.now()};
  for (const auto& [key, upload] : uploads_) {
    if (!active(*upload)) continue;
    sums.reserved += upload->missing_bytes();
    sums.promised += upload->allocated_size;
    if (upload->empty()) ++sums.empty;
  }
  return sums_.emplace(sums);
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
    const std::uint64_t reserved = sums().reserved;
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
bool ShareStore::may_promise(std::uint64_t allocated_size, const IncomingUpload* upload) {
  if (!options_.partial_bytes_max) return true;
  std::uint64_t promised = sums().promised;
  if (upload != nullptr && active(*upload)) promised -= upload->allocated_size;
  return allocated_size <= *options_.partial_bytes_max - std::min(*options_.partial_bytes_max, promised);
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
