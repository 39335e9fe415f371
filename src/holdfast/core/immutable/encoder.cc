#include "holdfast/core/immutable/encoder.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {

Encoder::Encoder(const Geometry& geometry, const ShareLayout& layout, NodeStoreFactory stores,
                 std::optional<Bytes> original)
    : geometry_(geometry), layout_(layout), original_(std::move(original)), crypttext_(geometry, stores) {
  const std::uint64_t segments = geometry.num_segments();
  leaves_ = stores(geometry.params().n * segments);
  block_tree_ = stores(hashtree::node_count(segments));
}

Result<void> Encoder::absorb(const EncodedSegment& segment) {
  HF_CHECK(segment.number() == next_ && next_ < geometry_.num_segments());
  HF_TRY_VOID(crypttext_.absorb(segment.ciphertext()));
  for (ShareNumber share = 0; share < params().n; ++share) {
    HF_TRY_VOID(leaves_->write(leaf_at(share) + next_, std::span(&segment.block_hashes()[share], 1)));
  }
  ++next_;
  return {};
}

Result<void> Encoder::build_block_tree(ShareNumber share) {
  if (block_tree_of_ == share) return {};
  block_tree_of_.reset();
  HF_TRY_VOID(hashtree::build_tree_into(*block_tree_, *leaves_, leaf_at(share), geometry_.num_segments()));
  block_tree_of_ = share;
  return {};
}

Result<void> Encoder::finish() {
  HF_CHECK(next_ == geometry_.num_segments());
  UriExtensionHashes hashes;
  HF_TRY_VOID(crypttext_.finish());
  hashes.crypttext_hash = crypttext_.hash();
  hashes.crypttext_root = crypttext_.root();
  std::vector<Hash> block_roots(params().n);
  for (ShareNumber share = 0; share < params().n; ++share) {
    HF_TRY_VOID(build_block_tree(share));
    HF_TRY_VOID(block_tree_->read(0, std::span(&block_roots[share], 1)));
  }
  share_tree_ = hashtree::build_tree(block_roots);
  hashes.share_root = share_tree_[0];
  Bytes made = encode_uri_extension(geometry_, hashes);
  if (original_) {
    HF_TRY(const UriExtension kept, parse_uri_extension(*original_, params().k));
    if (kept.crypttext_root != hashes.crypttext_root || kept.share_root != hashes.share_root) {
      return fail(Errc::corrupt, "the file encodes to other hashes than its shares have; nothing was repaired");
    }
    if (original_->size() != made.size()) {
      // An old uploader's block with more fields: same sections, other length. The layout was made for it.
      HF_CHECK(layout_.uri_extension().size() == layout_.length_bytes() + original_->size());
    }
    made = *original_;
  }
  extension_ = std::move(made);
  return {};
}

Hash Encoder::uri_extension_hash() const {
  HF_CHECK(finished());
  return immutable::uri_extension_hash(extension_);
}

Result<Hash> Encoder::block_hash(ShareNumber share, SegmentNumber segment) const {
  HF_CHECK(share < params().n && segment < next_);
  Hash out;
  HF_TRY_VOID(leaves_->read(leaf_at(share) + segment, std::span(&out, 1)));
  return out;
}

Bytes Encoder::chain(ShareNumber share) const {
  Bytes out;
  for (std::uint64_t node : hashtree::chain_nodes(params().n, share)) {
    append_be(out, 2, node);
    append(out, share_tree_[node].view());
  }
  return out;
}

/// Appends bytes [begin, end) of the serialised tree.
Result<void> Encoder::read_nodes(const hashtree::NodeStore& tree, Range bytes, Bytes& out) const {
  const std::uint64_t first = bytes.begin / Hash::kSize;
  const std::uint64_t end = (bytes.end + Hash::kSize - 1) / Hash::kSize;
  std::vector<Hash> nodes(end - first);
  HF_TRY_VOID(tree.read(first, nodes));
  const ByteView raw(reinterpret_cast<const std::uint8_t*>(nodes.data()), nodes.size() * Hash::kSize);
  append(out, raw.subspan(bytes.begin - first * Hash::kSize, bytes.size()));
  return {};
}

Result<Bytes> Encoder::share_bytes(ShareNumber share, Range range) {
  HF_CHECK(share < params().n && range.end <= layout_.size());
  HF_CHECK(range.end <= layout_.data().begin || (finished() && range.begin >= layout_.data().end));
  Bytes out;
  out.reserve(range.size());
  const auto part = [&](Range section) {  // what of the section is asked for, relative to its begin
    const Range cut{std::max(range.begin, section.begin), std::min(range.end, section.end)};
    return cut.empty() ? Range{} : Range{cut.begin - section.begin, cut.end - section.begin};
  };
  const auto copy = [&](Range section, ByteView bytes) {
    if (const Range cut = part(section); !cut.empty()) append(out, bytes.subspan(cut.begin, cut.size()));
  };
  if (range.begin < layout_.data().begin) copy(layout_.header(), layout_.encode_header());
  out.resize(out.size() + part(layout_.plaintext_hashes()).size());
  if (const Range cut = part(layout_.crypttext_hashes()); !cut.empty())
    HF_TRY_VOID(read_nodes(crypttext_.tree(), cut, out));
  if (const Range cut = part(layout_.block_hashes()); !cut.empty()) {
    HF_TRY_VOID(build_block_tree(share));
    HF_TRY_VOID(read_nodes(*block_tree_, cut, out));
  }
  if (!part(layout_.share_hashes()).empty()) copy(layout_.share_hashes(), chain(share));
  if (!part(layout_.uri_extension()).empty()) {
    Bytes extension;
    append_be(extension, layout_.length_bytes(), extension_.size());
    append(extension, extension_);
    copy(layout_.uri_extension(), extension);
  }
  return out;
}

}  // namespace holdfast::immutable
