#include "holdfast/edge/io/memory_node.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::io {
namespace {

constexpr std::uint64_t kSector = MemoryNode::kSector;

std::ptrdiff_t at(std::uint64_t offset) {
  return static_cast<std::ptrdiff_t>(offset);
}

Range sectors_beyond(std::uint64_t size) {
  return {(size + kSector - 1) / kSector * kSector, std::numeric_limits<std::uint64_t>::max()};
}

}  // namespace

RangeSet MemoryNode::sectors_of(Range bytes) {
  if (bytes.empty()) return {};
  return RangeSet{Range{bytes.begin / kSector * kSector, (bytes.end + kSector - 1) / kSector * kSector}};
}

FileInfo MemoryNode::info() const {
  FileInfo out;
  out.size = content.size();
  out.mtime_ns = out.ctime_ns = changed_ns;
  out.inode = inode;
  out.device = 1;
  out.is_directory = is_directory;
  out.allocated_bytes = sectors.total();
  out.permissions = permissions;
  return out;
}

std::uint64_t MemoryNode::allocated_bytes() const {
  std::uint64_t sum = sectors.total();
  for (const auto& [name, node] : entries) sum += node->allocated_bytes();
  return sum;
}

void MemoryNode::apply(Change change) {
  content.resize(change.size_after(content.size()));
  if (change.resize) {
    sectors.subtract(sectors_beyond(change.offset));
  } else {
    std::ranges::copy(change.data, content.begin() + at(change.offset));
    sectors.add(sectors_of({change.offset, change.offset + change.data.size()}));
  }
  pending.push_back(std::move(change));
}

void MemoryNode::sync() {
  // By replaying, not by copying: what a failed sync lost stays lost.
  for (const Change& change : std::exchange(pending, {})) {
    durable.resize(change.size_after(durable.size()));
    if (!change.resize) std::ranges::copy(change.data, durable.begin() + at(change.offset));
  }
}

void MemoryNode::sync_below() {
  if (!is_directory) sync();
  for (const auto& [name, node] : entries) node->sync_below();
}

void MemoryNode::tear(Random& random) {
  const std::vector<Change> changes = std::exchange(pending, {});
  if (changes.empty()) return;
  enum Manner : std::uint64_t { lost, kept, zeroed, torn, manners };
  const std::uint64_t manner = random.below(manners);
  const auto survivors = [&](bool of_size) -> std::uint64_t {
    if (manner == kept || (manner == zeroed && of_size)) return changes.size();
    return manner == torn ? random.below(changes.size() + 1) : 0;
  };
  std::uint64_t size = durable.size(), size_max = size, now = size;
  const std::uint64_t changes_of_size = survivors(true);
  for (std::uint64_t i = 0; i < changes.size(); ++i) {
    now = changes[i].size_after(now);
    size_max = std::max(size_max, now);
    if (i < changes_of_size) size = now;
  }
  // Each sector goes its own way through the changes, and stops anywhere.
  std::vector<std::uint64_t> upto(size_max / kSector + 1);
  for (std::uint64_t& count : upto) count = survivors(false);
  durable.resize(size_max);
  for (std::uint64_t i = 0; i < changes.size(); ++i) {
    const Change& change = changes[i];
    const Range touched{change.offset, change.resize ? size_max : change.offset + change.data.size()};
    for (std::uint64_t begin = touched.begin, end = 0; begin < touched.end; begin = end) {
      end = std::min((begin / kSector + 1) * kSector, touched.end);
      if (upto[begin / kSector] <= i) continue;
      if (change.resize)
        std::fill(durable.begin() + at(begin), durable.begin() + at(end), std::uint8_t{0});
      else
        std::copy_n(change.data.begin() + at(begin - change.offset), end - begin, durable.begin() + at(begin));
    }
  }
  durable.resize(size);
}

void MemoryNode::forget_cached() {
  content = durable;
  sectors.subtract(sectors_beyond(content.size()));
}

void MemoryNode::come_back(Random& random) {
  entries = durable_entries;
  if (!is_directory) {
    tear(random);
    forget_cached();
  }
  for (const auto& [name, node] : entries) node->come_back(random);
}

}  // namespace holdfast::io
