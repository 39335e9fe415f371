#include "holdfast/core/crypto/sha1.h"

#include <openssl/sha.h>

namespace holdfast::crypto {

TubId sha1(ByteView bytes) {
  TubId out;
  HF_CHECK(SHA1(bytes.data(), bytes.size(), out.bytes.data()) != nullptr);
  return out;
}

}  // namespace holdfast::crypto
