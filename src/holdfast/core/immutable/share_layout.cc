#include "holdfast/core/immutable/share_layout.h"

#include "holdfast/core/base/endian.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {
namespace {

constexpr std::uint64_t kChainEntryBytes = 34;
constexpr std::uint64_t kV1Limit = std::uint64_t{1} << 32;

std::uint64_t tree_bytes(std::uint64_t num_segments) {
  return Hash::kSize * hashtree::node_count(num_segments);
}

}  // namespace

ShareLayout::ShareLayout(const Geometry& geometry, Choice choice)
    : block_size_(geometry.block_size()), tail_block_(geometry.tail_block()), num_segments_(geometry.num_segments()) {
  tree_bytes_ = tree_bytes(geometry.num_segments());
  extension_bytes_ = choice.extension_bytes != 0 ? choice.extension_bytes : uri_extension_bytes(geometry);
  const std::uint64_t chain = kChainEntryBytes * (hashtree::height(geometry.params().n) + 1);
  const std::uint64_t body = geometry.share_data() + 3 * tree_bytes_ + chain;
  const bool wide =
      geometry.block_size() >= kV1Limit || geometry.share_data() >= kV1Limit || kHeaderBytesV1 + body >= kV1Limit;
  version_ = choice.version != 0 ? choice.version : wide ? 2 : 1;
  const std::uint64_t begin = version_ == 1 ? kHeaderBytesV1 : kHeaderBytesV2;
  data_ = {begin, begin + geometry.share_data()};
  extension_begin_ = begin + body;
}

Range ShareLayout::block(SegmentNumber segment) const {
  const std::uint64_t begin = data_.begin + segment * block_size_;
  return {begin, begin + (segment + 1 == num_segments_ ? tail_block_ : block_size_)};
}

Bytes ShareLayout::encode_header() const {
  const std::size_t width = version_ == 1 ? 4 : 8;
  Bytes out;
  append_be(out, 4, version_);
  for (std::uint64_t field : {block_size_, data_.size(), data_.begin, plaintext_hashes().begin,
                              crypttext_hashes().begin, block_hashes().begin, share_hashes().begin, extension_begin_}) {
    append_be(out, width, field);
  }
  return out;
}

Result<ShareOffsets> parse_header(ByteView bytes) {
  if (bytes.size() < 4) return fail(Errc::corrupt, "the share is shorter than a header");
  ShareOffsets out;
  out.version = static_cast<unsigned>(load_be(bytes, 0, 4));
  if (out.version != 1 && out.version != 2) {
    return fail(Errc::unsupported, "share layout version " + std::to_string(out.version));
  }
  const std::size_t width = out.version == 1 ? 4 : 8;
  const std::size_t header = out.version == 1 ? kHeaderBytesV1 : kHeaderBytesV2;
  if (bytes.size() < header) return fail(Errc::corrupt, "the share is shorter than its header");
  std::size_t at = 4;
  for (std::uint64_t* field : {&out.claimed_block_size, &out.claimed_share_data, &out.data, &out.plaintext_hashes,
                               &out.crypttext_hashes, &out.block_hashes, &out.share_hashes, &out.uri_extension}) {
    *field = load_be(bytes, at, width);
    at += width;
  }
  constexpr std::uint64_t kOffsetMax = std::uint64_t{1} << 62;
  for (std::uint64_t offset :
       {out.data, out.plaintext_hashes, out.crypttext_hashes, out.block_hashes, out.share_hashes, out.uri_extension}) {
    if (offset < header || offset > kOffsetMax) return fail(Errc::corrupt, "an offset outside the share");
  }
  const bool ascending = out.crypttext_hashes <= out.block_hashes && out.block_hashes <= out.share_hashes &&
                         out.share_hashes < out.uri_extension;
  if (!ascending || (out.share_hashes - out.block_hashes) % Hash::kSize != 0 ||
      (out.uri_extension - out.share_hashes) % kChainEntryBytes != 0) {
    return fail(Errc::corrupt, "offsets that contradict one another");
  }
  return out;
}

Result<void> check_offsets(const ShareOffsets& offsets, const Geometry& geometry, bool exact) {
  const std::uint64_t tree = tree_bytes(geometry.num_segments());
  const std::uint64_t crypttext = offsets.block_hashes - offsets.crypttext_hashes;
  const std::uint64_t blocks = offsets.share_hashes - offsets.block_hashes;
  const bool data_fits =
      offsets.data <= offsets.crypttext_hashes && offsets.crypttext_hashes - offsets.data >= geometry.share_data();
  const bool trees_fit = exact ? crypttext == tree && blocks == tree : crypttext >= tree && blocks >= tree;
  if (!data_fits || !trees_fit) return fail(Errc::corrupt, "sections of the wrong size");
  return {};
}

}  // namespace holdfast::immutable
