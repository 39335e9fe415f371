// Keys from contents, storage indexes from keys (specs of immutable files, 5.1 and 5.3).
#pragma once

#include <cstdint>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/core/cap/key.h"
#include "holdfast/core/crypto/tagged_hash.h"

namespace holdfast::cap {

StorageIndex storage_index_of(const Key& key);

/// The convergent key: feed the whole plaintext, then finish. A value; copies continue on their own.
class ConvergentKeyHasher {
 public:
  /// segment_size is the effective one (a multiple of k), not the configured maximum. The secret may have any
  /// length; an empty one is still a secret.
  ConvergentKeyHasher(std::size_t k, std::size_t n, std::uint64_t segment_size, const Secret& convergence);

  void update(ByteView plaintext) { hasher_.update(plaintext); }
  Key finish();

 private:
  crypto::TaggedHasher hasher_;
};

/// The tag of that hash, for tests and tools.
Bytes convergent_tag(std::size_t k, std::size_t n, std::uint64_t segment_size, const Secret& convergence);

}  // namespace holdfast::cap
