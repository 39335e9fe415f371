// Header fields of Resumable Uploads for HTTP as structured fields (RFC 9651; resumable-upload.md 2.2).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::resume {

/// Of the draft that is spoken: what Upload-Draft-Interop-Version says.
inline constexpr std::uint64_t kInteropVersion = 10;

/// "?0" or "?1"; parameters are passed over. Nothing: not a Boolean, the field counts as absent.
std::optional<bool> parse_sf_boolean(std::string_view field);
/// A non-negative Integer of at most 15 digits; parameters are passed over.
std::optional<std::uint64_t> parse_sf_count(std::string_view field);

}  // namespace holdfast::resume
