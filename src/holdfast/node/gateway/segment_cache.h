// Verified segments of any files, least recently used out first.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::gateway {

using Segment = std::shared_ptr<const Buffer>;

/// What one takes of memory beside its bytes, where it is kept and where it is known: a file may have segments of a byte.
inline constexpr std::uint64_t kSegmentOverheadBytes = 256;

class SegmentCache {
 public:
  explicit SegmentCache(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// Nothing when it is not there. What is found is used.
  Segment find(const Hash& file, SegmentNumber number);
  bool has(const Hash& file, SegmentNumber number) const { return places_.contains({file, number}); }
  /// One that is larger than the whole cache is not kept.
  void put(const Hash& file, SegmentNumber number, Segment segment);
  /// With the overhead of each.
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Key = std::pair<Hash, SegmentNumber>;
  struct Entry {
    Key key;
    Segment segment;
  };
  static std::uint64_t cost_of(const Segment& segment) { return segment->size() + kSegmentOverheadBytes; }
  void drop_last();

  const std::uint64_t bytes_max_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> places_;
};

}  // namespace holdfast::gateway
