// How a file is cut into segments and blocks (specs of immutable files, 4.2 and 6). Integers only.
#pragma once

#include <cstdint>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/core/base/result.h"

namespace holdfast::immutable {

/// What a share's content depends on, besides plaintext and key.
struct Params {
  unsigned k = 0, n = 0;
  std::uint64_t size = 0;          // of the file; at least 1
  std::uint64_t segment_size = 0;  // the effective one, a multiple of k
};

inline constexpr std::uint64_t kSegmentBytesMax = 128 * 1'048'576;  // readers buffer about two of them

/// From a writer's wishes. Errors: malformed unless 1 <= k <= n <= 256, size >= 1 and everything fits 63 bits.
Result<Params> make_params(unsigned k, unsigned n, std::uint64_t size, std::uint64_t segment_bytes_max);

class Geometry {
 public:
  /// Checks as make_params does; segment_size must be a positive multiple of k, at most kSegmentBytesMax.
  static Result<Geometry> create(const Params& params);

  std::uint64_t size() const { return params_.size; }
  const Params& params() const { return params_; }
  std::uint64_t segment_size() const { return params_.segment_size; }
  std::uint64_t num_segments() const { return num_segments_; }
  std::uint64_t tail_size() const { return tail_size_; }
  std::uint64_t tail_padded() const { return tail_block_ * params_.k; }
  std::uint64_t block_size() const { return block_size_; }
  std::uint64_t tail_block() const { return tail_block_; }
  /// Bytes of blocks in each share.
  std::uint64_t share_data() const { return (num_segments_ - 1) * block_size_ + tail_block_; }

  bool is_tail(SegmentNumber segment) const { return segment + 1 == num_segments_; }
  /// Plaintext (or ciphertext) bytes of a segment, without padding.
  std::uint64_t segment_bytes(SegmentNumber segment) const { return is_tail(segment) ? tail_size_ : segment_size(); }
  std::uint64_t block_bytes(SegmentNumber segment) const { return is_tail(segment) ? tail_block_ : block_size_; }
  /// Where a segment is in the file.
  Range segment_range(SegmentNumber segment) const {
    return {segment * segment_size(), segment * segment_size() + segment_bytes(segment)};
  }

 private:
  explicit Geometry(const Params& params);
  Params params_;
  std::uint64_t num_segments_, tail_size_, block_size_, tail_block_;
};

}  // namespace holdfast::immutable
