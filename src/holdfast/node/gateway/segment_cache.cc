#include "holdfast/node/gateway/segment_cache.h"

namespace holdfast::gateway {

Segment SegmentCache::find(const Hash& file, SegmentNumber number) {
  const auto it = places_.find({file, number});
  if (it == places_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->segment;
}

void SegmentCache::put(const Hash& file, SegmentNumber number, Segment segment) {
  if (cost_of(segment) > bytes_max_ || find(file, number) != nullptr) return;
  bytes_ += cost_of(segment);
  entries_.push_front({{file, number}, std::move(segment)});
  places_[entries_.front().key] = entries_.begin();
  while (bytes_ > bytes_max_) drop_last();
}

void SegmentCache::drop_last() {
  bytes_ -= cost_of(entries_.back().segment);
  places_.erase(entries_.back().key);
  entries_.pop_back();
}

}  // namespace holdfast::gateway
