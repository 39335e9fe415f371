// Where everything is in a share (specs of immutable files, 10).
#pragma once

#include "holdfast/core/immutable/geometry.h"

namespace holdfast::immutable {

/// The layout that a writer makes: contiguous sections, known before the first byte is encoded.
class ShareLayout {
 public:
  struct Choice {
    unsigned version = 0;             // 0: 1 where it fits, else 2 (10.3)
    std::size_t extension_bytes = 0;  // 0: of a fresh UEB; a repaired file keeps the one it has
  };
  explicit ShareLayout(const Geometry& geometry) : ShareLayout(geometry, Choice{}) {}
  ShareLayout(const Geometry& geometry, Choice choice);

  unsigned version() const { return version_; }
  /// Of the whole share: the allocated size.
  std::uint64_t size() const { return extension_begin_ + length_bytes() + extension_bytes_; }

  Range header() const { return {0, data_.begin}; }
  Range data() const { return data_; }
  Range plaintext_hashes() const { return {data_.end, data_.end + tree_bytes_}; }
  Range crypttext_hashes() const { return {data_.end + tree_bytes_, data_.end + 2 * tree_bytes_}; }
  Range block_hashes() const { return {data_.end + 2 * tree_bytes_, data_.end + 3 * tree_bytes_}; }
  Range share_hashes() const { return {data_.end + 3 * tree_bytes_, extension_begin_}; }
  /// Length field and URI extension block.
  Range uri_extension() const { return {extension_begin_, size()}; }
  /// Chain and URI extension block: what a resuming writer sends again (storage protocol 11.7).
  std::uint64_t tail_begin() const { return share_hashes().begin; }
  Range block(SegmentNumber segment) const;
  std::size_t length_bytes() const { return version_ == 1 ? 4 : 8; }

  Bytes encode_header() const;

 private:
  unsigned version_ = 1;
  std::uint64_t block_size_ = 0, tail_block_ = 0, num_segments_ = 0;
  Range data_;
  std::uint64_t tree_bytes_ = 0, extension_begin_ = 0, extension_bytes_ = 0;
};

inline constexpr std::size_t kHeaderBytesV1 = 36;
inline constexpr std::size_t kHeaderBytesV2 = 68;
/// Nobody reads a longer chain. No tree needs more than 9 entries of 34 bytes; foreign ones may repeat some.
inline constexpr std::uint64_t kChainBytesMax = 64 * 34;

/// What a reader takes from a header: offsets only (10.4).
struct ShareOffsets {
  unsigned version = 0;
  std::uint64_t data = 0, plaintext_hashes = 0, crypttext_hashes = 0, block_hashes = 0, share_hashes = 0,
                uri_extension = 0;
  std::uint64_t claimed_block_size = 0, claimed_share_data = 0;  // not to be trusted

  std::size_t length_bytes() const { return version == 1 ? 4 : 8; }
};

/// `bytes`: the first 68 of the share, or all of it when it is shorter. Errors: unsupported (unknown version: the copy
/// is incompatible), corrupt (offsets that cannot be; too short).
Result<ShareOffsets> parse_header(ByteView bytes);
/// Once the geometry is known (10.4). A verifier wants the trees to fill their sections exactly. Errors: corrupt.
Result<void> check_offsets(const ShareOffsets& offsets, const Geometry& geometry, bool exact);

}  // namespace holdfast::immutable
