#include "holdfast/core/immutable/share_audit.h"

#include <algorithm>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/hash_tree_verifier.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {
namespace {

constexpr std::size_t kPieceBytes = 1'048'576;
constexpr std::size_t kChainEntryBytes = 34;
constexpr std::uint64_t kLeavesAtOnce = 512;

std::optional<std::uint64_t> number_in(const UriExtension& extension, std::string_view key) {
  const auto it = extension.fields.find(key);
  if (it == extension.fields.end() || it->second.empty() || it->second.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (std::uint8_t c : it->second) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - std::uint64_t{'0'});
  }
  return value;
}

/// A tree where it lies in the share. What is built into it is compared with what is there.
class TreeInShare final : public hashtree::NodeStore {
 public:
  TreeInShare(const ShareBytesAt& read, std::uint64_t begin) : read_(read), begin_(begin) {}

  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    return read_(begin_ + first * Hash::kSize, {reinterpret_cast<std::uint8_t*>(hashes.data()), hashes.size() * Hash::kSize});
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
  Audit(std::uint64_t size, ShareNumber share, const ShareBytesAt& read) : size_(size), share_(share), read_(read) {}

  Result<AuditVerdict> run() {
    HF_TRY(const bool is_chk, read_header());
    if (!is_chk) return AuditVerdict(AuditOpaque{});
    HF_TRY(const bool has_extension, read_extension());
    if (!has_extension) return failed(tail());
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

  /// False when the extension block does not make sense: then the tail is wrong.
  Result<bool> read_extension() {
    HF_TRY(const Bytes length_field, bytes_at({offsets_.uri_extension, offsets_.uri_extension + offsets_.length_bytes()}));
    const std::uint64_t length = load_be(length_field, 0, offsets_.length_bytes());
    const std::uint64_t begin = offsets_.uri_extension + offsets_.length_bytes();
    if (length > kUriExtensionBytesMax || length > size_ - begin) return false;
    if (offsets_.uri_extension - offsets_.share_hashes > kChainBytesMax) return false;
    HF_TRY(const Bytes bytes, bytes_at({begin, begin + length}));
    const Result<UriExtension> extension = parse_uri_extension(bytes, 1);
    if (!extension) return false;
    const auto k = number_in(*extension, "needed_shares");
    const auto n = number_in(*extension, "total_shares");
    const auto file_size = number_in(*extension, "size");
    if (!k || !n || !file_size || *n > kSharesMax || *k > *n || share_ >= *n) return false;
    const auto geometry = Geometry::create(
        Params{static_cast<unsigned>(*k), static_cast<unsigned>(*n), *file_size, extension->segment_size});
    if (!geometry || !check_offsets(offsets_, *geometry, false)) return false;
    geometry_ = *geometry;
    extension_ = *extension;
    return true;
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
    if (!block_tree_is_right_) return {};  // nothing to hold the blocks against; they are looked at when it is there again
    const TreeInShare tree(read_, offsets_.block_hashes);
    const std::uint64_t segments = geometry_->num_segments(), first_leaf = hashtree::first_leaf_node(segments);
    std::vector<Hash> leaves;
    Bytes piece;
    for (SegmentNumber segment = 0; segment < segments; ++segment) {
      if (segment % kLeavesAtOnce == 0) {
        leaves.resize(std::min(kLeavesAtOnce, segments - segment));
        HF_TRY_VOID(tree.read(first_leaf + segment, leaves));
      }
      const std::uint64_t begin = offsets_.data + segment * geometry_->block_size();
      const std::uint64_t length = geometry_->block_bytes(segment);
      crypto::TaggedHasher hasher(crypto::kTagBlock);
      for (std::uint64_t at = 0; at < length; at += piece.size()) {
        piece.resize(std::min<std::uint64_t>(kPieceBytes, length - at));
        HF_TRY_VOID(read_(begin + at, piece));
        hasher.update(piece);
      }
      if (hasher.finish() != leaves[segment % kLeavesAtOnce]) wrong_.add(Range{begin, begin + length});
    }
    return {};
  }

  const std::uint64_t size_;
  const ShareNumber share_;
  const ShareBytesAt& read_;
  ShareOffsets offsets_;
  std::optional<Geometry> geometry_;
  UriExtension extension_;
  std::optional<Hash> block_root_;
  bool block_tree_is_right_ = false;
  RangeSet wrong_;
};

}  // namespace

Result<AuditVerdict> audit_share(std::uint64_t share_size, ShareNumber share, const ShareBytesAt& read) {
  return Audit(share_size, share, read).run();
}

}  // namespace holdfast::immutable
