#include "holdfast/core/crypto/crc32c.h"

#include <nmmintrin.h>

#include <cstring>

namespace holdfast::crypto {

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed) {
  std::uint64_t crc = static_cast<std::uint32_t>(~seed);
  while (bytes.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), sizeof word);
    crc = _mm_crc32_u64(crc, word);
    bytes = bytes.subspan(8);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (std::uint8_t byte : bytes) narrow = _mm_crc32_u8(narrow, byte);
  return ~narrow;
}

}  // namespace holdfast::crypto
