#include "holdfast/core/resume/draft_fields.h"

#include <algorithm>

namespace holdfast::resume {
namespace {

constexpr std::size_t kDigitsMax = 15;

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

/// ";key", ";key=value" ...: only their shape matters, and only as far as the item's end has to be found.
bool are_parameters(std::string_view text) {
  const auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != ',' && c != ';' && c != '"'; };
  while (!text.empty()) {
    if (text.front() != ';') return false;
    text.remove_prefix(1);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const std::string_view parameter = text.substr(0, text.find(';'));
    if (parameter.empty() || !std::ranges::all_of(parameter, plain)) return false;
    text.remove_prefix(parameter.size());
  }
  return true;
}

}  // namespace

std::optional<bool> parse_sf_boolean(std::string_view field) {
  const std::string_view text = trim(field);
  if (text.size() < 2 || text[0] != '?' || (text[1] != '0' && text[1] != '1') || !are_parameters(text.substr(2)))
    return std::nullopt;
  return text[1] == '1';
}

std::optional<std::uint64_t> parse_sf_count(std::string_view field) {
  const std::string_view text = trim(field);
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  if (digits == 0 || digits > kDigitsMax || !are_parameters(text.substr(digits))) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text.substr(0, digits)) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  return value;
}

}  // namespace holdfast::resume
