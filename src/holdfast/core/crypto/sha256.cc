#include "holdfast/core/crypto/sha256.h"

// The low-level interface is deprecated in OpenSSL 3 in favour of EVP; the header says why it is used here.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace holdfast::crypto {

void Sha256::reset() {
  SHA256_Init(&state_);
}

void Sha256::update(ByteView bytes) {
  if (!bytes.empty()) SHA256_Update(&state_, bytes.data(), bytes.size());
}

void Sha256::count_blocks(std::size_t blocks) {
  const std::uint64_t bits = (std::uint64_t{state_.Nh} << 32 | state_.Nl) + std::uint64_t{blocks} * 512;
  state_.Nl = static_cast<SHA_LONG>(bits);
  state_.Nh = static_cast<SHA_LONG>(bits >> 32);
}

Hash Sha256::finish() {
  Hash out;
  SHA256_Final(out.bytes.data(), &state_);
  reset();
  return out;
}

Hash Sha256::finish_double() {
  return sha256(finish().view());
}

Hash sha256(ByteView bytes) {
  Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Hash sha256d(ByteView bytes) {
  return sha256(sha256(bytes).view());
}

}  // namespace holdfast::crypto
