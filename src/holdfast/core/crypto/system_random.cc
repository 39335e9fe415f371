#include "holdfast/core/crypto/system_random.h"

#include <openssl/rand.h>

#include <algorithm>

#include "holdfast/core/base/check.h"

namespace holdfast::crypto {

void SystemRandom::fill(MutableByteView out) {
  constexpr std::size_t kCallBytesMax = std::size_t{1} << 30;
  while (!out.empty()) {
    const std::size_t now = std::min(out.size(), kCallBytesMax);
    HF_CHECK(RAND_bytes(out.data(), static_cast<int>(now)) == 1);
    out = out.subspan(now);
  }
}

}  // namespace holdfast::crypto
