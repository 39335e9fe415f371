#include "holdfast/core/protocol/content_disposition.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/core/protocol/utf8.h"

namespace holdfast::protocol {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::string_view cut(std::string_view name) {
  if (name.size() <= kDispositionNameBytesMax) return name;
  std::size_t end = kDispositionNameBytesMax;
  while (end > 0 && is_continuation(name[end])) --end;
  return name.substr(0, end);
}

/// Without what a careless client would take for a path.
std::string harmless(std::string_view name) {
  std::string out(cut(name));
  for (char& c : out) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 || code == 0x7f || c == '/' || c == '\\') c = '_';
  }
  if (out.empty() || out == "." || out == "..") out = "_";
  return out;
}

}  // namespace

std::string content_disposition(std::string_view type, std::string_view name) {
  const std::string safe = harmless(name);
  std::string plain;
  for (char c : safe) {
    const auto code = static_cast<unsigned char>(c);
    if (is_continuation(c)) continue;  // one underscore a character
    plain += code >= 0x80 || c == '"' ? '_' : c;
  }
  std::string out = std::string(type) + "; filename=\"" + plain + "\"";
  // Some clients decode percent signs in the plain form.
  if (plain != safe || plain.find('%') != std::string::npos) out += "; filename*=UTF-8''" + percent_encode(safe);
  return out;
}

std::string disposition_parameter(std::string_view field, std::string_view name) {
  take_until(field, ';');
  while (!field.empty()) {
    const std::size_t equals = std::min(field.find('='), field.size());
    const bool found = same_ignoring_case(trim(field.substr(0, equals)), name);
    field.remove_prefix(std::min(field.size(), equals + 1));
    field = trim(field);
    std::string value;
    if (field.starts_with('"')) {
      std::size_t at = 1;
      for (; at < field.size() && field[at] != '"'; ++at) {
        if (field[at] == '\\' && at + 1 < field.size()) ++at;
        value += field[at];
      }
      field.remove_prefix(std::min(at, field.size()));
      take_until(field, ';');
    } else {
      value = std::string(trim(take_until(field, ';')));
    }
    if (found) return value;
  }
  return "";
}

std::string name_in_disposition(std::string_view field) {
  constexpr std::string_view kUtf8 = "utf-8'";
  const std::string extended = disposition_parameter(field, "filename*");
  const std::size_t second = extended.find('\'', kUtf8.size());
  if (same_ignoring_case(std::string_view(extended).substr(0, kUtf8.size()), kUtf8) && second != std::string::npos) {
    const Result<std::string> decoded = percent_decode(std::string_view(extended).substr(second + 1));
    if (decoded && is_utf8(*decoded)) return *decoded;
  }
  std::string plain = disposition_parameter(field, "filename");
  return is_utf8(plain) ? plain : "";
}

}  // namespace holdfast::protocol
