// Base64 of header fields (standard, padded) and of NURLs (url alphabet, no padding), both strict.
#pragma once

#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

std::string base64_encode(ByteView bytes);
/// Errors: malformed for foreign characters, wrong padding, stray bits.
Result<Bytes> base64_decode(std::string_view text);

std::string base64url_encode(ByteView bytes);
Result<Bytes> base64url_decode(std::string_view text);

}  // namespace holdfast::protocol
