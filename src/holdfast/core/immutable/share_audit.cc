#include "holdfast/core/immutable/share_audit.h"

#include <algorithm>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/hash_tree_verifier.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/self_described.h"

namespace holdfast::immutable {
namespace {

constexpr std::size_t kPieceBytes = 1'048'576;
constexpr std::size_t kChainEntryBytes = 34;
constexpr std::uint64_t kLeavesAtOnce = 512;

/// A tree where it lies in the share. What is built into it is compared with what is there.
class TreeInShare final : public hashtree::NodeStore {
 public:
  TreeInShare(const ShareBytesAt& read, std::uint64_t begin) : read_(read), begin_(begin) {}

  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    return read_(begin_ + first * Hash::kSize,
                 {reinterpret_cast<std::uint8_t*>(hashes.data()), hashes.size() * Hash::kSize});
  }
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    std::vector<Hash> here(hashes.size());
    HF_TRY_VOID(read(first, here));
    differs_ = !std::ranges::equal(here, hashes);
    return differs_ ? Result<void>(fail(Errc::corrupt, "a tree that is not the one over its leaves")) : Result<void>{};
  }
  bool differs() const { return differs_; }

 private:
  const ShareBytesAt& read_;
  const std::uint64_t begin_;
  bool differs_ = false;
};

class Audit {
 public:
  Audit(std::uint64_t size, ShareNumber share, const ShareBytesAt& read, ArrivingBlocks* known)
      : size_(size), share_(share), read_(read), known_(known) {}

  Result<AuditVerdict> run() {
    HF_TRY(const bool is_chk, read_header());
    if (!is_chk) return AuditVerdict(AuditOpaque{});
    HF_TRY(const Extension extension, read_extension());
    if (extension == Extension::silent) return AuditVerdict(AuditOpaque{});
    if (extension == Extension::wrong) return failed(tail());
    HF_TRY_VOID(check_chain());
    HF_TRY_VOID(check_trees());
    HF_TRY_VOID(check_blocks());
    if (wrong_.empty()) return AuditVerdict(AuditPassed{});
    return AuditVerdict(AuditFailed{std::move(wrong_)});
  }

 private:
  Range tail() const { return {offsets_.share_hashes, size_}; }
  Result<AuditVerdict> failed(Range range) {
    wrong_.add(range);
    return AuditVerdict(AuditFailed{std::move(wrong_)});
  }

  Result<Bytes> bytes_at(Range range) const {
    Bytes out(range.size());
    HF_TRY_VOID(read_(range.begin, out));
    return out;
  }

  Result<bool> read_header() {
    HF_TRY(const Bytes header, bytes_at({0, std::min<std::uint64_t>(size_, kHeaderBytesV2)}));
    const Result<ShareOffsets> offsets = parse_header(header);
    if (!offsets || offsets->uri_extension + offsets->length_bytes() > size_) return false;
    offsets_ = *offsets;
    return true;
  }

  enum class Extension { fine, silent, wrong };
  /// Wrong when the extension block does not make sense: then the tail is. Silent when it is good for readers, who know
  /// the rest from a cap, but leaves out what would be needed here.
  Result<Extension> read_extension() {
    HF_TRY(const Bytes length_field,
           bytes_at({offsets_.uri_extension, offsets_.uri_extension + offsets_.length_bytes()}));
    const std::uint64_t length = load_be(length_field, 0, offsets_.length_bytes());
    const std::uint64_t begin = offsets_.uri_extension + offsets_.length_bytes();
    if (length > kUriExtensionBytesMax || length > size_ - begin) return Extension::wrong;
    if (offsets_.uri_extension - offsets_.share_hashes > kChainBytesMax) return Extension::wrong;
    HF_TRY(const Bytes bytes, bytes_at({begin, begin + length}));
    const Result<UriExtension> extension = parse_uri_extension(bytes, 1);
    if (!extension) return Extension::wrong;
    const Result<Geometry> geometry = self_described_geometry(*extension);
    if (!geometry && geometry.error().code == Errc::not_found) return Extension::silent;
    if (!geometry || share_ >= geometry->params().n || !check_offsets(offsets_, *geometry, false))
      return Extension::wrong;
    geometry_ = *geometry;
    extension_ = *extension;
    return Extension::fine;
  }

  /// Sets the block root that the chain proves; without one the tail is wrong.
  Result<void> check_chain() {
    HF_TRY(const Bytes chain, bytes_at({offsets_.share_hashes, offsets_.uri_extension}));
    hashtree::HashTreeVerifier shares(geometry_->params().n);
    shares.set_root(extension_.share_root);
    std::vector<hashtree::NumberedHash> nodes;
    for (std::size_t at = 0; at < chain.size(); at += kChainEntryBytes) {
      nodes.push_back({load_be(chain, at, 2), Hash::from(ByteView(chain).subspan(at + 2, Hash::kSize))});
    }
    if (shares.add(nodes)) block_root_ = shares.leaf(share_);
    if (!block_root_) wrong_.add(tail());
    return {};
  }

  /// The whole tree must be the one over its own leaves, and have the expected root.
  Result<bool> tree_is_right(std::uint64_t begin, const std::optional<Hash>& root) const {
    TreeInShare tree(read_, begin);
    const std::uint64_t segments = geometry_->num_segments();
    const Result<Hash> built = hashtree::build_tree_into(tree, tree, hashtree::first_leaf_node(segments), segments);
    if (tree.differs()) return false;
    if (!built) return tl::make_unexpected(built.error());
    return !root || *built == *root;
  }

  Result<void> check_trees() {
    const std::uint64_t bytes = hashtree::node_count(geometry_->num_segments()) * Hash::kSize;
    HF_TRY(const bool crypttext, tree_is_right(offsets_.crypttext_hashes, extension_.crypttext_root));
    if (!crypttext) {
      // It cannot be seen which of the two lies: the tree, or the extension block that names its root.
      wrong_.add(Range{offsets_.crypttext_hashes, offsets_.crypttext_hashes + bytes});
      wrong_.add(tail());
    }
    HF_TRY(block_tree_is_right_, tree_is_right(offsets_.block_hashes, block_root_));
    if (!block_tree_is_right_) wrong_.add(Range{offsets_.block_hashes, offsets_.block_hashes + bytes});
    return {};
  }

  Result<void> check_blocks() {
    if (!block_tree_is_right_)
      return {};  // nothing to hold the blocks against; they are looked at when it is there again
    const TreeInShare tree(read_, offsets_.block_hashes);
    const std::uint64_t segments = geometry_->num_segments(), first_leaf = hashtree::first_leaf_node(segments);
    std::vector<Hash> leaves;
    for (SegmentNumber segment = 0; segment < segments; ++segment) {
      if (segment % kLeavesAtOnce == 0) {
        leaves.resize(std::min(kLeavesAtOnce, segments - segment));
        HF_TRY_VOID(tree.read(first_leaf + segment, leaves));
      }
      const std::uint64_t begin = offsets_.data + segment * geometry_->block_size();
      const Range block{begin, begin + geometry_->block_bytes(segment)};
      HF_TRY(const Hash hash, hash_of(block));
      if (hash != leaves[segment % kLeavesAtOnce]) wrong_.add(block);
    }
    return {};
  }

  Result<Hash> hash_of(Range block) {
    if (const auto hash = known_ != nullptr ? known_->hash_of(block) : std::nullopt) return *hash;
    crypto::TaggedHasher hasher(crypto::kTagBlock);
    for (std::uint64_t at = block.begin; at < block.end; at += piece_.size()) {
      piece_.resize(std::min<std::uint64_t>(kPieceBytes, block.end - at));
      HF_TRY_VOID(read_(at, piece_));
      hasher.update(piece_);
    }
    const Hash hash = hasher.finish();
    if (known_ != nullptr) known_->learn(block, hash);
    return hash;
  }

  const std::uint64_t size_;
  const ShareNumber share_;
  const ShareBytesAt& read_;
  ArrivingBlocks* const known_;
  Bytes piece_;
  ShareOffsets offsets_;
  std::optional<Geometry> geometry_;
  UriExtension extension_;
  std::optional<Hash> block_root_;
  bool block_tree_is_right_ = false;
  RangeSet wrong_;
};

}  // namespace

Result<AuditVerdict> audit_share(std::uint64_t share_size, ShareNumber share, const ShareBytesAt& read,
                                 ArrivingBlocks* known) {
  return Audit(share_size, share, read, known).run();
}

}  // namespace holdfast::immutable
