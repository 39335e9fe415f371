// Fields behind a chunked body (RFC 9112 7.1.2).
#pragma once

#include "holdfast/edge/http/message.h"

namespace holdfast::http {

/// The lines behind a chunked body. What a head decides (framing, Host, Expect and the like) cannot come this late and is
/// dropped (RFC 9110 6.5.1). Errors: malformed.
Result<Headers> parse_trailers(std::string_view lines);

}  // namespace holdfast::http
