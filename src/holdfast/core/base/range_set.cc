#include "holdfast/core/base/range_set.h"

#include <algorithm>

#include "holdfast/core/base/check.h"

namespace holdfast {

RangeSet::RangeSet(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range);
}

void RangeSet::add(Range range) {
  if (range.empty()) return;
  auto it = ranges_.upper_bound(range.begin);
  if (it != ranges_.begin() && std::prev(it)->second >= range.begin) --it;
  while (it != ranges_.end() && it->first <= range.end) {
    range.begin = std::min(range.begin, it->first);
    range.end = std::max(range.end, it->second);
    it = ranges_.erase(it);
  }
  ranges_.emplace_hint(it, range.begin, range.end);
}

void RangeSet::subtract(Range range) {
  if (range.empty()) return;
  auto it = ranges_.upper_bound(range.begin);
  if (it != ranges_.begin() && std::prev(it)->second > range.begin) --it;
  while (it != ranges_.end() && it->first < range.end) {
    const Range old{it->first, it->second};
    it = ranges_.erase(it);
    if (old.begin < range.begin) ranges_.emplace(old.begin, range.begin);
    if (range.end < old.end) ranges_.emplace(range.end, old.end);
  }
}

void RangeSet::add(const RangeSet& other) {
  for (const auto& [begin, end] : other.ranges_) add(Range{begin, end});
}

void RangeSet::subtract(const RangeSet& other) {
  for (const auto& [begin, end] : other.ranges_) subtract(Range{begin, end});
}

bool RangeSet::contains(Range range) const {
  if (range.empty()) return true;
  auto it = ranges_.upper_bound(range.begin);
  return it != ranges_.begin() && std::prev(it)->second >= range.end;
}

bool RangeSet::intersects(Range range) const {
  return !intersection(range).empty();
}

RangeSet RangeSet::intersection(Range range) const {
  RangeSet out;
  if (range.empty()) return out;
  auto it = ranges_.upper_bound(range.begin);
  if (it != ranges_.begin()) --it;
  for (; it != ranges_.end() && it->first < range.end; ++it) {
    out.add(Range{std::max(it->first, range.begin), std::min(it->second, range.end)});
  }
  return out;
}

RangeSet RangeSet::gaps(Range range) const {
  RangeSet out;
  out.add(range);
  out.subtract(intersection(range));
  return out;
}

std::uint64_t RangeSet::total() const {
  std::uint64_t sum = 0;
  for (const auto& [begin, end] : ranges_) sum += end - begin;
  return sum;
}

Range RangeSet::front() const {
  HF_CHECK(!ranges_.empty());
  return Range{ranges_.begin()->first, ranges_.begin()->second};
}

std::vector<Range> RangeSet::ranges() const {
  std::vector<Range> out;
  out.reserve(ranges_.size());
  for (const auto& [begin, end] : ranges_) out.push_back(Range{begin, end});
  return out;
}

}  // namespace holdfast
