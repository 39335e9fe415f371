#include "holdfast/core/immutable/share_reader.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/aes_ctr.h"
#include "holdfast/core/crypto/sha256_many.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::immutable {
namespace {

constexpr std::size_t kChainEntryBytes = 34;
constexpr std::uint64_t kSegmentGuess = 1'048'576;
constexpr std::uint64_t kSmallTreeBytes = 64 * 1024;  // such a tree is fetched whole

constexpr const char* kContradiction =
    "the cap's size or encoding is not that of the file; was it changed when it was copied?";

/// With segments of the usual size.
std::optional<Geometry> usual_geometry(const FileClaim& claim) {
  const auto params = make_params(claim.k, claim.n, claim.size, kSegmentGuess);
  if (!params) return std::nullopt;
  return Geometry::create(*params).value();
}

std::uint64_t tree_bytes(SegmentNumber segments) {
  return hashtree::node_count(segments) * Hash::kSize;
}

/// Bytes of the nodes that leaves [first, end) need, relative to the tree's begin.
RangeSet node_bytes(const hashtree::HashTreeVerifier& tree, SegmentNumber first, SegmentNumber end) {
  RangeSet out;
  bool any = false;
  for (SegmentNumber leaf = first; leaf < end; ++leaf) {
    for (std::uint64_t node : tree.needed(leaf, true)) {
      out.add(Range{node * Hash::kSize, (node + 1) * Hash::kSize});
      any = true;
    }
  }
  const std::uint64_t whole = tree_bytes(tree.leaf_count());
  if (any && whole <= kSmallTreeBytes) out.add(Range{0, whole});
  return out;
}

void shift_into(RangeSet& out, const RangeSet& ranges, std::uint64_t by) {
  for (const Range& range : ranges.ranges()) out.add(Range{range.begin + by, range.end + by});
}

/// All at once; only the last may be shorter than the others.
std::vector<Hash> hashes_of(std::string_view tag, std::span<const ByteView> values) {
  std::vector<Hash> out(values.size());
  std::size_t equal_ones = values.size();
  if (equal_ones > 1 && values.back().size() != values.front().size()) --equal_ones;
  crypto::tagged_hash_many(tag, values.first(equal_ones), std::span(out).first(equal_ones));
  if (equal_ones < values.size()) out.back() = crypto::tagged_hash(tag, values.back());
  return out;
}

/// Nodes of a tree section that lie whole within the bytes.
void take_nodes(std::uint64_t section, std::uint64_t section_end, std::uint64_t offset, ByteView bytes,
                std::vector<hashtree::NumberedHash>& out) {
  const std::uint64_t begin = std::max(offset, section), end = std::min(offset + bytes.size(), section_end);
  for (std::uint64_t at = section + (begin - std::min(begin, section) + Hash::kSize - 1) / Hash::kSize * Hash::kSize;
       at + Hash::kSize <= end; at += Hash::kSize) {
    out.push_back({(at - section) / Hash::kSize, Hash::from(bytes.subspan(at - offset, Hash::kSize))});
  }
}

}  // namespace

Result<void> FileState::open(ByteView bytes) {
  if (uri_extension_hash(bytes) != claim_.ueb_hash) return fail(Errc::corrupt, "a URI extension that is not the cap's");
  if (is_open()) return {};
  // As it is, whatever the cap's k: who is at fault is judged first.
  HF_TRY(const UriExtension said, parse_uri_extension(bytes, 1));
  contradicts_cap_ = !agrees_with_cap(said, claim_.size, claim_.k, claim_.n);
  if (contradicts_cap_) return fail(Errc::malformed, kContradiction);
  HF_TRY(UriExtension extension, parse_uri_extension(bytes, claim_.k));
  HF_TRY(const Geometry geometry, Geometry::create(Params{claim_.k, claim_.n, claim_.size, extension.segment_size}));
  extension_bytes_ = to_bytes(bytes);
  extension_ = std::move(extension);
  shares_.emplace(claim_.n);
  shares_->set_root(extension_.share_root);
  crypttext_.emplace(geometry.num_segments());
  crypttext_->set_root(extension_.crypttext_root);
  geometry_ = geometry;
  return {};
}

unsigned hash_ranges_expected(const FileClaim& claim) {
  const std::optional<Geometry> geometry = usual_geometry(claim);
  return geometry && tree_bytes(geometry->num_segments()) <= kSmallTreeBytes ? 1 : 2;
}

/// Of a share with the usual segments.
std::optional<ShareOffsets> ShareReader::guess() const {
  const std::optional<Geometry> geometry = usual_geometry(file_.claim());
  if (!geometry) return std::nullopt;
  return parse_header(ShareLayout(*geometry).encode_header()).value();
}

Range ShareReader::tail_range() const {
  const std::optional<ShareOffsets> offsets = offsets_ ? offsets_ : guess();
  const std::uint64_t begin = offsets ? offsets->share_hashes : 0;
  return {begin, begin + kChainBytesMax + 8 + kUriExtensionBytesMax};
}

bool ShareReader::open_without_header(ByteView tail) {
  if (!offsets_) offsets_ = guess();
  const bool opened = offsets_ && on_tail(tail);
  if (!opened) offsets_.reset();
  return opened;
}

Result<void> ShareReader::on_header(ByteView bytes) {
  HF_TRY(const ShareOffsets offsets, parse_header(bytes));
  if (offsets.uri_extension - offsets.share_hashes > kChainBytesMax)
    return fail(Errc::corrupt, "a hash chain that is too long");
  offsets_ = offsets;
  return {};
}

Result<void> ShareReader::on_tail(ByteView bytes) {
  HF_CHECK(offsets_.has_value());
  const std::uint64_t chain_bytes = offsets_->uri_extension - offsets_->share_hashes;
  const std::size_t length_bytes = offsets_->length_bytes();
  if (bytes.size() < chain_bytes + length_bytes)
    return fail(Errc::corrupt, "the share ends before its extension block");
  const std::uint64_t length = load_be(bytes, chain_bytes, length_bytes);
  if (length > kUriExtensionBytesMax || length > bytes.size() - chain_bytes - length_bytes) {
    return fail(Errc::corrupt, "an extension block of a length that cannot be");
  }
  HF_TRY_VOID(file_.open(bytes.subspan(chain_bytes + length_bytes, length)));
  HF_TRY_VOID(check_offsets(*offsets_, file_.geometry(), false));
  if (share_ >= file_.claim().n) return fail(Errc::corrupt, "a share number that cannot be");
  std::vector<hashtree::NumberedHash> nodes;
  for (std::size_t at = 0; at < chain_bytes; at += kChainEntryBytes) {
    nodes.push_back({load_be(bytes, at, 2), Hash::from(bytes.subspan(at + 2, Hash::kSize))});
  }
  HF_TRY_VOID(file_.shares().add(nodes));
  const std::optional<Hash> root = file_.shares().leaf(share_);
  if (!root) return fail(Errc::corrupt, "a hash chain without its own leaf");
  block_tree_.emplace(file_.geometry().num_segments());
  block_root_ = *root;
  block_tree_->set_root(block_root_);
  return {};
}

RangeSet ShareReader::wanted_nodes(SegmentNumber first, SegmentNumber end) {
  HF_CHECK(is_open());
  RangeSet out;
  shift_into(out, node_bytes(file_.crypttext(), first, end), offsets_->crypttext_hashes);
  shift_into(out, node_bytes(*block_tree_, first, end), offsets_->block_hashes);
  return out;
}

Result<void> ShareReader::on_nodes(std::uint64_t offset, ByteView bytes) {
  const std::uint64_t tree = tree_bytes(file_.geometry().num_segments());
  take_nodes(offsets_->crypttext_hashes, offsets_->crypttext_hashes + tree, offset, bytes, crypttext_nodes_);
  take_nodes(offsets_->block_hashes, offsets_->block_hashes + tree, offset, bytes, block_nodes_);
  return {};
}

Result<void> ShareReader::settle_nodes() {
  // What is bad is gone with what came beside it: the next ones must not be judged together with these.
  const auto crypttext_nodes = std::exchange(crypttext_nodes_, {}), block_nodes = std::exchange(block_nodes_, {});
  HF_TRY_VOID(file_.crypttext().add(crypttext_nodes));
  return block_tree_->add(block_nodes);
}

Range ShareReader::block_range(SegmentNumber first, SegmentNumber end) const {
  const Geometry& geometry = file_.geometry();
  const std::uint64_t begin = offsets_->data + first * geometry.block_size();
  return {begin, offsets_->data + (end - 1) * geometry.block_size() + geometry.block_bytes(end - 1)};
}

Result<void> ShareReader::check_block(SegmentNumber segment, ByteView block) {
  const std::optional<Hash> expected = block_tree_->leaf(segment);
  if (!expected) return fail(Errc::corrupt, "a block without its hash");
  if (crypto::tagged_hash(crypto::kTagBlock, block) != *expected) {
    return fail(Errc::corrupt, "block " + std::to_string(segment) + " does not have its hash");
  }
  return {};
}

Result<BlockCheck> ShareReader::block_check(SegmentNumber first, SegmentNumber end) const {
  BlockCheck out{file_.geometry(), first, {}};
  for (SegmentNumber segment = first; segment < end; ++segment) {
    const std::optional<Hash> leaf = block_tree_->leaf(segment);
    if (!leaf) return fail(Errc::corrupt, "block " + std::to_string(segment) + " does not have its hash");
    out.expected.push_back(*leaf);
  }
  return out;
}

Result<void> BlockCheck::operator()(ByteView bytes) const {
  const SegmentNumber end = first + expected.size();
  std::uint64_t wanted = 0;
  for (SegmentNumber segment = first; segment < end; ++segment) wanted += geometry.block_bytes(segment);
  if (bytes.size() != wanted) return fail(Errc::corrupt, "the share is shorter than it should be");
  const std::vector<Hash> found = SegmentDecoder::block_hashes(geometry, first, end, bytes);
  for (SegmentNumber segment = first; segment < end; ++segment) {
    if (expected[segment - first] != found[segment - first]) {
      return fail(Errc::corrupt, "block " + std::to_string(segment) + " does not have its hash");
    }
  }
  return {};
}

void ShareReader::forget_before(SegmentNumber segment) {
  block_tree_->forget_leaves_before(segment);
}

SegmentDecoder::SegmentDecoder(const Geometry& geometry, const cap::Key* key)
    : geometry_(geometry),
      codec_(erasure::Codec::create(geometry.params().k, geometry.params().n).value()),
      key_(key != nullptr ? std::optional(*key) : std::nullopt) {}

std::vector<Hash> SegmentDecoder::block_hashes(const Geometry& geometry, SegmentNumber first, SegmentNumber end,
                                               ByteView bytes) {
  std::vector<ByteView> blocks;
  for (SegmentNumber segment = first; segment < end; ++segment) {
    const std::size_t length = geometry.block_bytes(segment);
    blocks.push_back(bytes.first(length));
    bytes = bytes.subspan(length);
  }
  return hashes_of(crypto::kTagBlock, blocks);
}

Result<Buffer> SegmentDecoder::join(SegmentNumber segment, const std::vector<ShareNumber>& shares,
                                    const std::vector<ByteView>& blocks) const {
  const std::size_t block_bytes = geometry_.block_bytes(segment);
  Buffer out(block_bytes * codec_.k());
  std::vector<const std::uint8_t*> in;
  std::vector<std::uint8_t*> primary;
  for (const ByteView& block : blocks) {
    if (block.size() != block_bytes) return fail(Errc::malformed, "a block of another length");
    in.push_back(block.data());
  }
  for (std::size_t i = 0; i < codec_.k(); ++i) primary.push_back(out.data() + i * block_bytes);
  HF_TRY_VOID(codec_.decode(erasure::Codec::Given{shares, in}, primary, block_bytes));
  out.resize(geometry_.segment_bytes(segment));
  return out;
}

void SegmentDecoder::decrypt(SegmentNumber segment, Buffer& bytes) const {
  if (!key_) return;
  crypto::AesCtr cipher(key_->view(), segment * geometry_.segment_size());
  cipher.apply(bytes, bytes);
}

Result<Buffer> SegmentDecoder::decode(SegmentNumber segment, const std::vector<ShareNumber>& shares,
                                      const std::vector<ByteView>& blocks, const Hash& expected) const {
  HF_TRY(std::vector<Buffer> run, decode_run(segment, shares, blocks, {expected}));
  return std::move(run.front());
}

Result<std::vector<Buffer>> SegmentDecoder::decode_run(SegmentNumber first, const std::vector<ShareNumber>& shares,
                                                       const std::vector<ByteView>& blocks,
                                                       const std::vector<Hash>& expected) const {
  std::vector<Buffer> out;
  std::vector<ByteView> rest = blocks;
  for (SegmentNumber segment = first; segment < first + expected.size(); ++segment) {
    std::vector<ByteView> own;
    for (ByteView& each : rest) {
      const std::size_t length = std::min(each.size(), geometry_.block_bytes(segment));
      own.push_back(each.first(length));
      each = each.subspan(length);
    }
    HF_TRY(Buffer joined, join(segment, shares, own));
    out.push_back(std::move(joined));
  }
  const std::vector<Hash> found = hashes_of(crypto::kTagSegment, std::vector<ByteView>(out.begin(), out.end()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (found[i] != expected[i]) {
      return fail(Errc::corrupt, "the file itself is bad: valid shares decode to something else in segment " +
                                     std::to_string(first + i));
    }
    decrypt(first + i, out[i]);
  }
  return out;
}

bool SegmentDecoder::plaintext_is(SegmentNumber segment, Buffer plaintext, const Hash& expected) const {
  if (plaintext.size() != geometry_.segment_bytes(segment)) return false;
  decrypt(segment, plaintext);
  return crypto::tagged_hash(crypto::kTagSegment, plaintext) == expected;
}

}  // namespace holdfast::immutable
