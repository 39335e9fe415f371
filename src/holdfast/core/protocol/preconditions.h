// Conditional requests (RFC 9110, 13; resumable-upload.md 3.2) on something whose entity tag is strong and never changes.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace holdfast::protocol {

/// As the fields came; dates are no condition on what has no date of change, so they are not here.
struct Conditions {
  std::vector<std::string_view> if_match, if_none_match;  // every field of that name
};

enum class Precondition { holds, not_modified, failed };  // go on, 304, 412

/// If-Match first, then If-None-Match. `etag` is quoted. `former` is what Tahoe-LAFS calls the same content, without
/// quotes; it is understood in If-None-Match.
Precondition judge(const Conditions& conditions, std::string_view etag, std::string_view former);

/// Does an If-Range leave the Range standing? Only by the same strong tag: a date would have to equal a Last-Modified
/// that was never sent.
bool range_stands(std::optional<std::string_view> if_range, std::string_view etag);

}  // namespace holdfast::protocol
