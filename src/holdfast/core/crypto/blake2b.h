// BLAKE2b with 32 bytes of output and no key: how lease secrets are stored (OpenSSL 3.0 only has 64 bytes).
#pragma once

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::crypto {

Hash blake2b_256(ByteView bytes);

}  // namespace holdfast::crypto
