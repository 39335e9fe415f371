#include "holdfast/core/crypto/blake2b.h"

#include <blake2.h>

namespace holdfast::crypto {

Hash blake2b_256(ByteView bytes) {
  Hash out;
  HF_CHECK(blake2b(out.bytes.data(), bytes.data(), nullptr, Hash::kSize, bytes.size(), 0) == 0);
  return out;
}

}  // namespace holdfast::crypto
