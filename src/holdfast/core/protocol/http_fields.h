// The header fields of the storage protocol as values (1.3, 2, 3, 4.4, 4.7, 11.5).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

/// "bytes a-b/N" or "bytes a-b/*". Errors: malformed for everything else ("bytes */N", reversed, other units).
struct ContentRange {
  Range range;                         // end exclusive
  std::optional<std::uint64_t> total;  // N
};
Result<ContentRange> parse_content_range(std::string_view field);
std::string format_content_range(Range range, std::optional<std::uint64_t> total = std::nullopt);

/// "bytes=a-b", one range with both ends, as share reads have it. Errors: malformed for everything else.
Result<Range> parse_range(std::string_view field);
std::string format_range(Range range);

/// "Tahoe-LAFS " and the base64 of the swissnum's characters. Compare with equal_constant_time.
std::string authorization_value(std::string_view swissnum);

/// One "X-Tahoe-Authorization: kind base64".
struct SecretField {
  std::string kind;
  Bytes secret;  // not empty
};
Result<SecretField> parse_secret_field(std::string_view field);
std::string format_secret_field(std::string_view kind, ByteView secret);

/// "1; retention=604800; idle=1800": the advertisement of the resumption extension, or the bare "1" of a request.
/// The answer to an allocation adds "matched=0.3": these shares are not fresh, somebody with the same secret has begun
/// them and may be sending.
struct ResumeField {
  std::uint64_t version = 0;
  std::optional<std::uint64_t> retention_seconds, idle_seconds;
  std::set<ShareNumber> matched;
};
Result<ResumeField> parse_resume_field(std::string_view field);
std::string format_resume_field(const ResumeField& field);

/// Does an Accept field (or its absence) admit application/cbor? Wildcards do, q=0 does not; the most specific entry wins.
bool accepts_cbor(std::optional<std::string_view> accept);
/// Is a body of this Content-Type (or without one) CBOR? Parameters are ignored, case too.
bool is_cbor(std::optional<std::string_view> content_type);

/// Decimal digits only, no sign, must fit.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

}  // namespace holdfast::protocol
