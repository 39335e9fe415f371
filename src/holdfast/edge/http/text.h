// The small grammar of HTTP/1.1 field values.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::http {

bool equal_ignoring_case(std::string_view a, std::string_view b);
/// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);
/// Digits only, at least one, no sign, no overflow.
std::optional<std::uint64_t> parse_decimal(std::string_view text);
/// Whether the comma-separated list has this word.
bool list_has(std::string_view list, std::string_view word);
/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t seconds_since_1970);

}  // namespace holdfast::http
