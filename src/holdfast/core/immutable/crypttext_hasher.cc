#include "holdfast/core/immutable/crypttext_hasher.h"

#include <array>

#include "holdfast/core/base/check.h"
#include "holdfast/core/crypto/sha256_many.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::immutable {

CrypttextHasher::CrypttextHasher(const Geometry& geometry, const NodeStoreFactory& stores)
    : segments_(geometry.num_segments()),
      flat_(crypto::kTagCrypttext),
      tree_(stores(hashtree::node_count(geometry.num_segments()))) {}

Result<void> CrypttextHasher::absorb(ByteView segment) {
  HF_CHECK(next_ < segments_);
  crypto::TaggedHasher own(crypto::kTagSegment);
  const std::array<crypto::Feed, 2> feeds = {{{&flat_, segment}, {&own, segment}}};
  crypto::update_each(feeds);
  const Hash hash = own.finish();
  HF_TRY_VOID(tree_->write(hashtree::first_leaf_node(segments_) + next_, std::span(&hash, 1)));
  ++next_;
  return {};
}

Result<void> CrypttextHasher::finish() {
  HF_CHECK(next_ == segments_);
  hash_ = flat_.finish();
  HF_TRY(root_, hashtree::build_tree_into(*tree_, *tree_, hashtree::first_leaf_node(segments_), segments_));
  return {};
}

Result<Hash> CrypttextHasher::segment_hash(SegmentNumber segment) const {
  HF_CHECK(segment < next_);
  Hash out;
  HF_TRY_VOID(tree_->read(hashtree::first_leaf_node(segments_) + segment, std::span(&out, 1)));
  return out;
}

Result<bool> CrypttextHasher::has_absorbed(const EncodedSegment& segment) const {
  HF_TRY(const Hash known, segment_hash(segment.number()));
  return segment.segment_hash() == known;
}

}  // namespace holdfast::immutable
