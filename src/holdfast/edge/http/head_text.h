// Heads as text, ready to be sent.
#pragma once

#include "holdfast/edge/http/message.h"

namespace holdfast::http {

/// Control characters in names and values become spaces: no value can add a line.
void append_field(std::string& text, std::string_view name, std::string_view value);
void append_fields(std::string& text, const Headers& headers);
/// "HTTP/1.1 404 Not Found\r\n".
std::string status_line(unsigned status);
/// "PATCH /target HTTP/1.1\r\n".
std::string request_line(std::string_view method, std::string_view target);

}  // namespace holdfast::http
