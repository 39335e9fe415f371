// The running SHA-256 of an upload's bytes: its state is journalled with each durable offset, so that no byte is hashed twice,
// not even after a restart (resumable-upload.md 5.6).
#pragma once

#include "holdfast/core/crypto/sha256.h"

namespace holdfast::resume {

class WholeDigest {
 public:
  static constexpr std::uint64_t kBlockBytes = 64;

  /// Of nothing yet.
  WholeDigest() = default;
  /// Goes on at `size` bytes: `state` is what state() said there, `tail` the size % 64 last bytes.
  WholeDigest(const Hash& state, std::uint64_t size, ByteView tail);

  void update(ByteView bytes);
  std::uint64_t size() const { return size_; }
  /// Behind the last whole block.
  Hash state() const;
  /// Of everything so far; it can go on.
  Hash digest() const;

 private:
  crypto::Sha256 running_;
  std::uint64_t size_ = 0;
};

}  // namespace holdfast::resume
