#include "holdfast/edge/http/trailers.h"

#include <algorithm>
#include <array>

#include "holdfast/edge/http/text.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kTrailersMax = 32;

bool is_name(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  const auto fits = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kSigns.find(c) != kSigns.npos;
  };
  return !text.empty() && std::ranges::all_of(text, fits);
}

}  // namespace

Result<Headers> parse_trailers(std::string_view lines) {
  constexpr std::array<std::string_view, 7> kTooLate{"Content-Length", "Transfer-Encoding", "Host",         "Expect",
                                                     "Trailer",        "Connection",        "Authorization"};
  Headers out;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || !is_name(name))
      return fail(Errc::malformed, "bad chunked body: a trailer without a name");
    if (std::ranges::any_of(kTooLate, [&](std::string_view each) { return equal_ignoring_case(each, name); })) continue;
    if (out.fields().size() == kTrailersMax) return fail(Errc::malformed, "bad chunked body: too many trailers");
    out.add(std::string(name), std::string(trimmed(line.substr(colon + 1))));
  }
  return out;
}

}  // namespace holdfast::http
