// SHA-256 and the doubled SHA-256 of all Tahoe hashes.
#pragma once

#include <openssl/sha.h>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::crypto {

/// A running digest: a plain value of 112 bytes. A copy continues on its own, so a prepared prefix can be
/// reused. The low-level OpenSSL functions are used on purpose: the same assembly as behind EVP (SHA-NI where
/// present), without its allocation and dispatch, which cost more than hashing a tree node does.
class Sha256 {
 public:
  Sha256() { reset(); }

  void update(ByteView bytes);
  /// The digest of everything since the start; the object starts anew.
  Hash finish();
  /// SHA256 of finish().
  Hash finish_double();
  void reset();

  // For kernels that compress whole blocks themselves (sha256_many).
  std::size_t bytes_to_boundary() const { return (64 - state_.num) % 64; }
  std::uint32_t* state_words() { return state_.h; }  // at a boundary
  void count_blocks(std::size_t blocks);             // that were compressed into the state

 private:
  SHA256_CTX state_;
};

Hash sha256(ByteView bytes);
/// SHA256(SHA256(bytes)).
Hash sha256d(ByteView bytes);

}  // namespace holdfast::crypto
