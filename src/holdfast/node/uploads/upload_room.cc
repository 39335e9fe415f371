// Room in the spool: what the disk has, what is promised, and who makes way for whom.
#include <algorithm>

#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {
namespace {

constexpr std::uint64_t kPromiseBytesMin = 64 * 1'048'576;
constexpr std::uint64_t kPromiseTimesHeld = 4;

}  // namespace

std::uint64_t UploadStore::bytes_held() const {
  std::uint64_t sum = arriving_bytes_;
  for (const auto& [name, upload] : uploads_) sum += upload->written;
  return sum;
}

/// A promise is believed as far as it has been kept: who has sent little yet reserves little, so that large empty promises
/// starve nobody.
std::uint64_t UploadStore::promised(const Upload& upload) const {
  if (!upload.is_open() || !upload.log.length || idle_for(upload) > std::chrono::seconds(options_.idle_seconds))
    return 0;
  const std::uint64_t missing = *upload.log.length - std::min(*upload.log.length, upload.written);
  return std::min(missing, std::max(kPromiseBytesMin, upload.written * kPromiseTimesHeld));
}

std::uint64_t UploadStore::space() const {
  std::uint64_t taken = bytes_held(), promises = 0;
  for (const auto& [name, upload] : uploads_) promises += promised(*upload);
  taken += promises;
  const std::uint64_t quota = options_.bytes_max - std::min(options_.bytes_max, taken);
  const std::uint64_t used = options_.free_bytes_min + promises + arrived_since_measured_;
  return std::min(quota, free_bytes_ - std::min(free_bytes_, used));
}

/// False, and what was known stays, while the disk does not answer, or another one does in its place: then nobody makes way for
/// anybody.
io::Task<bool> UploadStore::measure() {
  auto job = [this]() -> Result<std::uint64_t> {
    HF_TRY_VOID(find_again(world_.files, receiving_));
    return world_.files.free_bytes(receiving_.path);
  };
  const Result<std::uint64_t> free = co_await world_.disk.run(job);
  if (!free) co_return false;
  free_bytes_ = *free;
  arrived_since_measured_ = 0;
  co_return true;
}

bool UploadStore::is_dormant(const Upload& upload) const {
  return upload.is_open() && upload.turn == nullptr && upload.written > 0 && upload.pins == 0 &&
         idle_for(upload) > std::chrono::seconds(options_.idle_seconds);
}

/// Dormant uploads will make way for its bytes when they come; for the promise nothing is deleted.
bool UploadStore::may_promise(std::uint64_t length) const {
  std::uint64_t dormant = 0;
  for (const auto& [name, upload] : uploads_) {
    if (is_dormant(*upload)) dormant += upload->written;
  }
  return std::min(length, kPromiseBytesMin) <= space() + dormant &&
         length + options_.free_bytes_min <= free_bytes_ + dormant;
}

UploadPtr UploadStore::longest_dormant(const Upload* keep) const {
  UploadPtr longest;
  for (const auto& [name, upload] : uploads_) {
    const bool dormant = is_dormant(*upload) && upload.get() != keep;
    if (dormant && (longest == nullptr || idle_for(*upload) > idle_for(*longest))) longest = upload;
  }
  return longest;
}

/// Its room counts as free until it is measured again: a file system may take a while to say so, and others would go for nothing.
io::Task<void> UploadStore::evict(UploadPtr upload) {
  const std::uint64_t bytes = upload->written;
  ++counters_.evicted;
  leaving_bytes_ += bytes;
  const bool ended = co_await end(std::move(upload), resume::UploadEnd::expired, "it made way for others");
  leaving_bytes_ -= bytes;
  if (ended) free_bytes_ += bytes;
  evicted_.notify_all();
}

/// For bytes that are here, not for promises: the longest dormant uploads make way, if that can be enough. For what does not fit
/// even then nobody loses anything.
io::Task<bool> UploadStore::make_room(std::uint64_t bytes, const Upload* keep) {
  const auto missing_of = [](std::uint64_t wanted, std::uint64_t there) { return wanted - std::min(wanted, there); };
  for (bool measured = false;;) {
    const std::uint64_t over_quota = missing_of(bytes_held() + bytes, options_.bytes_max);
    const std::uint64_t over_disk = missing_of(options_.free_bytes_min + arrived_since_measured_ + bytes, free_bytes_);
    const std::uint64_t missing = std::max(over_quota, over_disk);
    if (missing == 0) co_return true;
    if (over_disk > 0 && !std::exchange(measured, true)) {
      const bool known = co_await measure();  // the last look may be a minute old: somebody may have made room
      if (!known) co_return false;
      continue;
    }
    std::uint64_t dormant = 0;
    for (const auto& [name, upload] : uploads_) {
      if (is_dormant(*upload) && upload.get() != keep) dormant += upload->written;
    }
    if (leaving_bytes_ + dormant < missing) co_return false;
    if (leaving_bytes_ >= missing) {  // others have made room enough
      const bool told = co_await evicted_.wait();
      if (!told) co_return false;
      continue;
    }
    co_await evict(longest_dormant(keep));
  }
}

}  // namespace holdfast::uploads
