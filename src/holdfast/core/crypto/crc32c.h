// CRC-32C (Castagnoli): guards journal records against torn writes. Not a defence against anybody.
#pragma once

#include <cstdint>

#include "holdfast/core/base/bytes.h"

namespace holdfast::crypto {

/// crc32c(b, crc32c(a)) == crc32c(a || b).
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

}  // namespace holdfast::crypto
