// What the ciphertext alone says of a file: the hash of all of it, and the tree over its segments.
#pragma once

#include <functional>
#include <memory>

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/hashtree/node_store.h"
#include "holdfast/core/immutable/geometry.h"
#include "holdfast/core/immutable/segment_encoder.h"

namespace holdfast::immutable {

/// Makes a store for so many hashes; core keeps none above kHashBytesInMemoryMax in memory itself.
using NodeStoreFactory = std::function<std::unique_ptr<hashtree::NodeStore>(std::uint64_t hashes)>;
inline constexpr std::uint64_t kHashBytesInMemoryMax = 1'048'576;

/// One file: its segments in order, then finish.
class CrypttextHasher {
 public:
  CrypttextHasher(const Geometry& geometry, const NodeStoreFactory& stores);

  /// Errors: those of the store.
  Result<void> absorb(ByteView segment);
  /// After the last segment. Errors: those of the store.
  Result<void> finish();

  // Once finished.
  const Hash& hash() const { return hash_; }
  const Hash& root() const { return root_; }
  const hashtree::NodeStore& tree() const { return *tree_; }

  /// Of a segment that has been absorbed.
  Result<Hash> segment_hash(SegmentNumber segment) const;
  /// Is it what has been absorbed under its number? Not beside absorb(). Errors: those of the store.
  Result<bool> has_absorbed(const EncodedSegment& segment) const;

 private:
  const SegmentNumber segments_;
  SegmentNumber next_ = 0;
  crypto::TaggedHasher flat_;
  std::unique_ptr<hashtree::NodeStore> tree_;  // the leaves lie where they belong from the first on
  Hash hash_, root_;
};

}  // namespace holdfast::immutable
