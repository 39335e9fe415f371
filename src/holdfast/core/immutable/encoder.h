// What all segments together make: the trees, the UEB, and every byte of a share that is not a block.
#pragma once

#include <memory>
#include <optional>

#include "holdfast/core/hashtree/node_store.h"
#include "holdfast/core/immutable/crypttext_hasher.h"
#include "holdfast/core/immutable/segment_encoder.h"
#include "holdfast/core/immutable/share_layout.h"

namespace holdfast::immutable {

/// One file. Feed the segments in order, finish, then ask for bytes. Not thread-safe; but header bytes may be asked for
/// at any time.
class Encoder {
 public:
  /// `original` (repair): the extension block that the file has already; it is kept byte for byte, and finish() fails
  /// unless this encoding has the same roots.
  Encoder(const Geometry& geometry, const ShareLayout& layout, NodeStoreFactory stores,
          std::optional<Bytes> original = std::nullopt);

  const Geometry& geometry() const { return geometry_; }
  const Params& params() const { return geometry_.params(); }
  const ShareLayout& layout() const { return layout_; }

  /// Strictly in order. Errors: those of the store.
  Result<void> absorb(const EncodedSegment& segment);
  /// Is it what has been absorbed under its number? Not beside absorb(). Errors: those of the store.
  Result<bool> has_absorbed(const EncodedSegment& segment) const { return crypttext_.has_absorbed(segment); }
  /// After the last segment. Errors: those of the store; corrupt when the roots differ from the original's.
  Result<void> finish();
  bool finished() const { return !extension_.empty(); }

  ByteView uri_extension() const { return extension_; }
  Hash uri_extension_hash() const;
  /// Leaf of the block tree of a share; the segment has been absorbed.
  Result<Hash> block_hash(ShareNumber share, SegmentNumber segment) const;

  /// Bytes of one share outside its blocks: range lies within the header, or (once finished) behind the data. Memory
  /// goes with the range, and one tree of a share is kept for the next call.
  Result<Bytes> share_bytes(ShareNumber share, Range range);

 private:
  Result<void> build_block_tree(ShareNumber share);
  Result<void> read_nodes(const hashtree::NodeStore& tree, Range bytes, Bytes& out) const;
  Bytes chain(ShareNumber share) const;
  std::uint64_t leaf_at(ShareNumber share) const { return share * geometry_.num_segments(); }

  const Geometry geometry_;
  const ShareLayout layout_;
  std::optional<Bytes> original_;
  SegmentNumber next_ = 0;
  CrypttextHasher crypttext_;
  std::unique_ptr<hashtree::NodeStore> leaves_;  // list of share 0, list of share 1, ...
  std::unique_ptr<hashtree::NodeStore> block_tree_;
  std::optional<ShareNumber> block_tree_of_;
  std::vector<Hash> share_tree_;
  Bytes extension_;
};

}  // namespace holdfast::immutable
