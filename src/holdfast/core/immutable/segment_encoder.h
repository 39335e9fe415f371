// One segment: encrypt, cut, code, hash. Segments are independent, so that all cores can work.
#pragma once

#include <optional>
#include <vector>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/cap/key.h"
#include "holdfast/core/erasure/codec.h"
#include "holdfast/core/immutable/geometry.h"

namespace holdfast::immutable {

/// N blocks of equal length and everything hashed; or the ciphertext alone, without blocks. The primary blocks are views
/// into the ciphertext.
class EncodedSegment {
 public:
  SegmentNumber number() const { return number_; }
  ByteView ciphertext() const { return ByteView(primary_).first(ciphertext_bytes_); }
  ByteView block(ShareNumber share) const {
    const std::size_t k = primary_.size() / block_bytes_;
    return share < k ? ByteView(primary_).subspan(share * block_bytes_, block_bytes_)
                     : ByteView(check_).subspan((share - k) * block_bytes_, block_bytes_);
  }
  /// Computed when asked for: whoever absorbs the segment hashes it together with the whole file.
  Hash segment_hash() const;
  const std::vector<Hash>& block_hashes() const { return block_hashes_; }

 private:
  friend class SegmentEncoder;
  SegmentNumber number_ = 0;
  std::size_t ciphertext_bytes_ = 0, block_bytes_ = 0;
  Buffer primary_;  // ciphertext and padding
  Buffer check_;    // blocks k .. n-1, one after another
  std::vector<Hash> block_hashes_;
};

/// A value; const methods may run in many threads at once.
class SegmentEncoder {
 public:
  enum class Makes { shares, ciphertext };
  /// Without a key the segments given are ciphertext already (repair). Who makes ciphertext only leaves the coding and the
  /// hashes of blocks to somebody else.
  SegmentEncoder(const Geometry& geometry, const cap::Key* key, Makes makes = Makes::shares);

  /// `bytes` has geometry.segment_bytes(segment) bytes; it is encrypted in place and becomes the primary blocks.
  EncodedSegment encode(SegmentNumber segment, Buffer bytes) const;

 private:
  Geometry geometry_;
  erasure::Codec codec_;
  std::optional<cap::Key> key_;
  Makes makes_;
};

}  // namespace holdfast::immutable
