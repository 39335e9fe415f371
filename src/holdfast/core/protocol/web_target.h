// The target of a request to the web gateway: path segments and arguments, decoded (web-api.md 1 and 2).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

inline constexpr std::size_t kPathSegmentsMax = 256;
inline constexpr std::size_t kArgumentsMax = 64;

/// "/uri/URI%3ACHK.../a%2Fb?filename=x+y" is {"uri", "URI:CHK...", "a/b"} and {("filename", "x y")}. Segments are split
/// before they are decoded; "." and ".." are names like others; a plus is a blank in arguments only.
struct WebTarget {
  std::vector<std::string> path;
  bool trailing_slash = false;  // "/uri/"; never of "/", whose path is empty
  std::vector<std::pair<std::string, std::string>> arguments;

  /// The first of that name.
  std::optional<std::string_view> argument(std::string_view name) const;
  std::string_view segment(std::size_t index) const { return index < path.size() ? path[index] : std::string_view(); }
};

/// Origin form. Errors: malformed for an empty segment, bad percent-encoding, what is not UTF-8, and too many of them.
Result<WebTarget> parse_web_target(std::string_view target);

/// "true t 1 on", "false f 0 off", any case. Errors: malformed for everything else.
Result<bool> parse_web_boolean(std::string_view text);

}  // namespace holdfast::protocol
