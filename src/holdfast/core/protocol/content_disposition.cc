#include "holdfast/core/protocol/content_disposition.h"

#include <algorithm>

#include "holdfast/core/protocol/percent.h"

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

}  // namespace holdfast::protocol
