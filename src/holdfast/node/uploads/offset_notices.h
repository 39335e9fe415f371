// When the durable offset of an upload that is coming in is worth an interim answer (resumable-upload.md 2.5).
#pragma once

#include <cstdint>

#include "holdfast/edge/io/loop.h"

namespace holdfast::uploads {

/// Of one request: once a second, or when 64 MiB have become durable since, and only when the offset has moved.
class OffsetNotices {
 public:
  /// The sender knows this offset.
  OffsetNotices(std::uint64_t offset, io::Time now) : told_(offset), told_at_(now) {}

  /// True: tell it now.
  bool due(std::uint64_t offset, io::Time now) {
    if (offset <= told_) return false;
    if (now - told_at_ < kEvery && offset - told_ < kEveryBytes) return false;
    told_ = offset;
    told_at_ = now;
    return true;
  }

 private:
  static constexpr io::Duration kEvery = std::chrono::seconds(1);
  static constexpr std::uint64_t kEveryBytes = 64 * 1'048'576;
  std::uint64_t told_;
  io::Time told_at_;
};

}  // namespace holdfast::uploads
