// Header fields of tus 1.0.0 (resumable-upload.md 1.2, 1.8, 1.10, 1.11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

inline constexpr std::size_t kTusMetadataBytesMax = 16'384, kTusMetadataPairsMax = 64, kTusConcatUrlsMax = 1'000;

/// 1 to 19 decimal digits, no sign, at most 2^63 - 1.
std::optional<std::uint64_t> parse_tus_count(std::string_view field);

/// "filename d29ybGQ=,is_draft": values decoded; data, never paths. A key without a value has an empty one.
struct TusMetadata {
  std::vector<std::pair<std::string, std::string>> pairs;
  /// The value of the first of these keys that is there; empty when none is.
  std::string first_of(std::initializer_list<std::string_view> keys) const;
};
/// Errors: malformed (a key twice, bad base64, too long, too many).
Result<TusMetadata> parse_tus_metadata(std::string_view field);

/// "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=".
struct TusChecksum {
  std::string algorithm;
  Bytes digest;
};
/// Errors: malformed. Whether the algorithm is known is for who computes it.
Result<TusChecksum> parse_tus_checksum(std::string_view field);

/// "partial", or "final;" and upload URLs with blanks between them.
struct TusConcat {
  bool final = false;
  std::vector<std::string> urls;  // of a final one, at least one
};
/// Errors: malformed.
Result<TusConcat> parse_tus_concat(std::string_view field);

}  // namespace holdfast::protocol
