#include "holdfast/core/hashtree/node_store.h"

#include <algorithm>

namespace holdfast::hashtree {

Result<void> MemoryNodeStore::write(std::uint64_t first, std::span<const Hash> hashes) {
  if (hashes_.size() < first + hashes.size()) hashes_.resize(first + hashes.size());
  std::ranges::copy(hashes, hashes_.begin() + static_cast<std::ptrdiff_t>(first));
  return {};
}

Result<void> MemoryNodeStore::read(std::uint64_t first, std::span<Hash> hashes) const {
  if (first > hashes_.size() || hashes.size() > hashes_.size() - first) {
    return fail(Errc::io, "reading hashes that were never written");
  }
  std::ranges::copy(std::span(hashes_).subspan(first, hashes.size()), hashes.begin());
  return {};
}

}  // namespace holdfast::hashtree
