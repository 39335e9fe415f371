#include "holdfast/core/protocol/web_target.h"

#include <algorithm>
#include <array>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/core/protocol/utf8.h"

namespace holdfast::protocol {
namespace {

Result<std::string> decode_text(std::string_view text) {
  HF_TRY(std::string out, percent_decode(text));
  if (!is_utf8(out)) return fail(Errc::malformed, "the URL is not UTF-8");
  return out;
}

Result<std::string> decode_argument(std::string_view text) {
  std::string spaced(text);
  std::ranges::replace(spaced, '+', ' ');
  return decode_text(spaced);
}

Result<void> parse_path(std::string_view rest, WebTarget& out) {
  while (!rest.empty()) {
    const bool last = rest.find('/') == std::string_view::npos;
    const std::string_view text = take_until(rest, '/');
    if (text.empty()) return fail(Errc::malformed, "the URL has an empty path component");
    if (out.path.size() == kPathSegmentsMax) return fail(Errc::malformed, "the URL has too many path components");
    HF_TRY(std::string segment, decode_text(text));
    out.path.push_back(std::move(segment));
    out.trailing_slash = !last && rest.empty();
  }
  return {};
}

Result<void> parse_arguments(std::string_view rest, WebTarget& out) {
  while (!rest.empty()) {
    std::string_view value = take_until(rest, '&');
    if (value.empty()) continue;
    if (out.arguments.size() == kArgumentsMax) return fail(Errc::malformed, "the URL has too many arguments");
    HF_TRY(std::string name, decode_argument(take_until(value, '=')));
    HF_TRY(std::string text, decode_argument(value));
    out.arguments.emplace_back(std::move(name), std::move(text));
  }
  return {};
}

}  // namespace

std::optional<std::string_view> WebTarget::argument(std::string_view name) const {
  for (const auto& [each, value] : arguments) {
    if (each == name) return value;
  }
  return std::nullopt;
}

Result<WebTarget> parse_web_target(std::string_view target) {
  if (!target.starts_with('/')) return fail(Errc::malformed, "the URL has no path");
  target.remove_prefix(1);
  std::string_view path = take_until(target, '?');
  WebTarget out;
  HF_TRY_VOID(parse_path(path, out));
  HF_TRY_VOID(parse_arguments(target, out));
  return out;
}

Result<bool> parse_web_boolean(std::string_view text) {
  static constexpr std::array kTrue{"true", "t", "1", "on"}, kFalse{"false", "f", "0", "off"};
  const auto is = [&](const char* word) { return same_ignoring_case(trim(text), word); };
  if (std::ranges::any_of(kTrue, is)) return true;
  if (std::ranges::any_of(kFalse, is)) return false;
  return fail(Errc::malformed, "invalid boolean argument: " + std::string(text));
}

}  // namespace holdfast::protocol
