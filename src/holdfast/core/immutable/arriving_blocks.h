// Hashes of a share's blocks, taken while its bytes arrive, so that the audit need not read them back
// (storage protocol 11.7).
#pragma once

#include <optional>
#include <vector>

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/immutable/share_layout.h"

namespace holdfast::immutable {

/// Knows a block when all of it came in ascending order, in pieces of any size, beside at most kRunningMax others; and
/// until it is told to forget. Where blocks are follows from the share's header, which nobody has checked: a wrong one
/// leads to hashes of ranges that the audit does not ask for. Memory: 32 bytes a block, from the beginning.
class ArrivingBlocks {
 public:
  static constexpr std::size_t kRunningMax = 4;

  /// `header`: the first 68 bytes of the share, or all of it when it is shorter. Nothing when it is no CHK header, when its
  /// numbers do not fit the share, or when more than `bytes_max` of memory would be needed.
  static std::optional<ArrivingBlocks> create(std::uint64_t share_size, ByteView header, std::uint64_t bytes_max);

  std::uint64_t memory_bytes() const { return memory_needed(hashes_.size()); }

  /// This is in the share now, and was not (or the same was).
  void on_bytes(std::uint64_t offset, ByteView data);
  /// What is in the share at `range` may be anything.
  void forget(Range range);
  /// Found by reading a whole block.
  void learn(Range block, const Hash& hash);
  std::optional<Hash> hash_of(Range block) const;

 private:
  struct Running {
    std::uint64_t next;  // where the hash goes on
    SegmentNumber block;
    crypto::TaggedHasher hasher;
  };

  ArrivingBlocks(Range data, std::uint64_t block_size, std::uint64_t count)
      : data_(data), block_size_(block_size), hashes_(count), known_(count) {}
  static std::uint64_t memory_needed(std::uint64_t blocks) {
    return blocks * Hash::kSize + blocks / 8 + sizeof(ArrivingBlocks);
  }
  SegmentNumber block_at(std::uint64_t offset) const { return (offset - data_.begin) / block_size_; }
  Range range_of(SegmentNumber block) const;
  std::optional<SegmentNumber> number_of(Range block) const;
  std::optional<Running> take_running(SegmentNumber block, std::uint64_t offset);
  void keep(Running running);

  Range data_;
  std::uint64_t block_size_;
  std::vector<Hash> hashes_;
  std::vector<bool> known_;
  std::vector<Running> running_;  // oldest first
};

}  // namespace holdfast::immutable
