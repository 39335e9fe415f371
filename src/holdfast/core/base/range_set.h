// A set of byte ranges: what is held, what is wanted, what is still required.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <vector>

namespace holdfast {

/// [begin, end), never empty inside a RangeSet.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  std::uint64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// Disjoint, ascending, never touching ranges. All operations are O(log n + touched).
class RangeSet {
 public:
  RangeSet() = default;
  RangeSet(std::initializer_list<Range> ranges);

  void add(Range range);
  void subtract(Range range);
  void add(const RangeSet& other);
  void subtract(const RangeSet& other);

  bool contains(Range range) const;
  bool contains(std::uint64_t position) const { return contains(Range{position, position + 1}); }
  bool intersects(Range range) const;
  RangeSet intersection(Range range) const;
  /// What of `range` is missing here.
  RangeSet gaps(Range range) const;

  bool empty() const { return ranges_.empty(); }
  std::size_t count() const { return ranges_.size(); }
  std::uint64_t total() const;
  Range front() const;
  std::vector<Range> ranges() const;
  void clear() { ranges_.clear(); }

  friend bool operator==(const RangeSet&, const RangeSet&) = default;

 private:
  std::map<std::uint64_t, std::uint64_t> ranges_;  // begin -> end
};

}  // namespace holdfast
