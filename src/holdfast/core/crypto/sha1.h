// SHA-1, for tub ids only (the hash of a certificate's DER).
#pragma once

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::crypto {

TubId sha1(ByteView bytes);

}  // namespace holdfast::crypto
