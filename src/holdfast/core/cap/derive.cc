#include "holdfast/core/cap/derive.h"

#include <string>

#include "holdfast/core/base/netstring.h"
#include "holdfast/core/crypto/tags.h"

namespace holdfast::cap {

StorageIndex storage_index_of(const Key& key) {
  const Hash hash = crypto::tagged_hash(crypto::kTagStorageIndex, key.view());
  return StorageIndex::from(hash.view().first(StorageIndex::kSize));
}

Bytes convergent_tag(std::size_t k, std::size_t n, std::uint64_t segment_size, const Secret& convergence) {
  Bytes tag = to_bytes(crypto::kTagConvergentPrefix);
  append_netstring(tag, convergence.reveal());
  append_netstring(tag, view_of(std::to_string(k) + "," + std::to_string(n) + "," + std::to_string(segment_size)));
  return tag;
}

ConvergentKeyHasher::ConvergentKeyHasher(std::size_t k, std::size_t n, std::uint64_t segment_size,
                                         const Secret& convergence)
    : hasher_(ByteView(convergent_tag(k, n, segment_size, convergence))) {}

Key ConvergentKeyHasher::finish() {
  return Key::from(hasher_.finish().view().first(Key::kSize));
}

}  // namespace holdfast::cap
