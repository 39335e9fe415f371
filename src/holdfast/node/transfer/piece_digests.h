// The digests of a ciphertext's pieces, made while it passes (docs/formats/helper-protocol.md).
#pragma once

#include <vector>

#include "holdfast/core/base/range_set.h"
#include "holdfast/core/crypto/sha256.h"

namespace holdfast::transfer {

/// Fed in order, in whatever chunks. The digests of pieces that have passed may be read while another thread feeds more.
class PieceDigests {
 public:
  explicit PieceDigests(std::uint64_t size);

  void update(ByteView bytes);  // no more than `size` in all

  std::uint64_t count() const { return digests_.size(); }
  /// Of the ciphertext; the last piece may be short.
  Range range(std::uint64_t piece) const;
  /// The piece has passed.
  const Hash& digest(std::uint64_t piece) const { return digests_[piece]; }
  /// SHA-256 over all of them: everything has passed.
  Hash all() const;

 private:
  const std::uint64_t size_;
  std::uint64_t passed_ = 0;
  crypto::Sha256 hasher_;
  std::vector<Hash> digests_;
};

}  // namespace holdfast::transfer
