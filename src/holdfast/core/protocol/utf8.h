// Is this UTF-8 (RFC 3629)? Text from outside is asked before it is passed on as text.
#pragma once

#include <string_view>

namespace holdfast::protocol {

/// No overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace holdfast::protocol
