// Tahoe's base32: lower case, no padding, strict (specs of immutable files, 1.2).
#pragma once

#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast {

std::string base32_encode(ByteView bytes);

/// Errors: malformed for a character outside the alphabet, an impossible length, or stray fill bits.
Result<Bytes> base32_decode(std::string_view text);

/// As base32_decode, and the result must have N bytes.
template <class Id>
Result<Id> base32_decode_id(std::string_view text) {
  HF_TRY(Bytes bytes, base32_decode(text));
  if (bytes.size() != Id::kSize) return fail(Errc::malformed, "base32 text of the wrong length");
  return Id::from(bytes);
}

inline std::string to_string(const StorageIndex& si) {
  return base32_encode(si.view());
}

}  // namespace holdfast
