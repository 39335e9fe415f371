#include "holdfast/core/protocol/web_origin.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kNameBytesMax = 253;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Letters, digits, "-", "_" and "."; no empty label but after a last dot.
bool is_name(std::string_view text) {
  const auto belongs = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= kNameBytesMax && text.front() != '.' && std::ranges::all_of(text, belongs) &&
         text.find("..") == std::string_view::npos;
}

/// "[" and "]" around hexadecimal digits, colons and dots: that it is no name is all that counts.
bool is_ipv6(std::string_view text) {
  const auto belongs = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.'; };
  return text.size() > 3 && text.front() == '[' && text.back() == ']' &&
         std::ranges::all_of(text.substr(1, text.size() - 2), belongs);
}

/// Four decimal numbers. A browser turns other spellings of addresses into this one before it asks.
bool is_ipv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const bool last = text.find('.') == std::string_view::npos;
    const std::string_view number = take_until(text, '.');
    if (last != (part == 3) || number.empty() || number.size() > 3 || !std::ranges::all_of(number, is_digit))
      return false;
    if (number.size() == 3 && number > "255") return false;
  }
  return text.empty();
}

}  // namespace

std::optional<HostField> parse_host(std::string_view field) {
  std::string text(trim(field));
  std::ranges::transform(text, text.begin(), lower_case);
  HostField out;
  const std::size_t closed = text.starts_with('[') ? text.find(']') : 0;
  if (closed == std::string::npos) return std::nullopt;
  const std::size_t colon = text.find(':', closed);
  out.name = text.substr(0, colon);
  if (colon != std::string::npos) out.port = text.substr(colon + 1);
  if (out.port.size() > 5 || !std::ranges::all_of(out.port, is_digit)) return std::nullopt;
  if (!is_name(out.name) && !is_ipv6(out.name)) return std::nullopt;
  return out;
}

bool host_is_ours(std::string_view host_field, const std::vector<std::string>& names) {
  const auto host = parse_host(host_field);
  if (!host) return false;
  std::string_view name = host->name;
  if (is_ipv6(name) || is_ipv4(name)) return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  return name == "localhost" || std::ranges::find(names, name) != names.end();
}

bool origin_is_ours(std::optional<std::string_view> origin, std::string_view host_field) {
  if (!origin) return true;
  std::string_view rest = trim(*origin);
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (rest.size() < scheme.size() || !same_ignoring_case(rest.substr(0, scheme.size()), scheme)) continue;
    return parse_host(host_field).has_value() && same_ignoring_case(rest.substr(scheme.size()), trim(host_field));
  }
  return false;
}

}  // namespace holdfast::protocol
