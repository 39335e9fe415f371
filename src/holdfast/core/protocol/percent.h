// Percent-encoding (RFC 3986, 2.1).
#pragma once

#include <string>
#include <string_view>

#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

/// Everything but letters, digits and "-._~" becomes %XX: safe in every part of a URL and in RFC 8187 values.
std::string percent_encode(std::string_view text);

/// Errors: malformed for a % without two hexadecimal digits behind it.
Result<std::string> percent_decode(std::string_view text);

}  // namespace holdfast::protocol
