#include "holdfast/core/protocol/nurl.h"

#include <algorithm>

#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kNurlBytesMax = 1024;
constexpr std::size_t kSwissnumBytesMax = 128;
constexpr std::size_t kSpkiTextBytes = 43;
constexpr std::size_t kIpv6TextBytesMax = 45;  // eight groups, the last two as dotted decimals

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_address_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

Result<void> parse_location(std::string_view text, Nurl& out) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return fail(Errc::malformed, "a NURL with an open bracket");
    out.host = std::string(text.substr(1, close - 1));
    const bool fits = out.host.size() <= kIpv6TextBytesMax && out.host.find(':') != std::string::npos;
    if (!fits || !std::ranges::all_of(out.host, is_address_character)) {
      return fail(Errc::malformed, "a NURL with a bad IPv6 address");
    }
    std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':')) return fail(Errc::malformed, "a NURL with text behind its address");
    port = rest.empty() ? rest : rest.substr(1);
    if (!rest.empty() && port.empty()) return fail(Errc::malformed, "a NURL with an empty port");
  } else {
    const std::size_t colon = text.find(':');
    out.host = std::string(text.substr(0, colon));
    if (out.host.empty() || out.host.size() > 253 || !std::ranges::all_of(out.host, is_unreserved)) {
      return fail(Errc::malformed, "a NURL with a bad host name");
    }
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return fail(Errc::malformed, "a NURL with an empty port");
    }
  }
  if (port.empty()) return {};
  const auto number = parse_decimal(port);
  if (!number || *number == 0 || *number > 65'535) return fail(Errc::malformed, "a NURL with a bad port");
  out.port = static_cast<std::uint16_t>(*number);
  return {};
}

}  // namespace

Result<Nurl> parse_nurl(std::string_view text) {
  if (text.size() > kNurlBytesMax) return fail(Errc::malformed, "a NURL of more than 1024 bytes");
  if (text.starts_with("pb+")) return fail(Errc::unsupported, "a NURL over Tor or I2P");
  if (!text.starts_with("pb://")) return fail(Errc::malformed, "a NURL begins with pb://");
  text.remove_prefix(5);
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos) return fail(Errc::malformed, "a NURL without @");
  Nurl out;
  if (at != kSpkiTextBytes) return fail(Errc::malformed, "a NURL's key hash has 43 characters");
  HF_TRY(const Bytes spki, base64url_decode(text.substr(0, at)));
  if (spki.size() != SpkiHash::kSize) return fail(Errc::malformed, "a NURL's key hash has 32 bytes");
  out.spki = SpkiHash::from(spki);
  text.remove_prefix(at + 1);
  const std::size_t hash = text.find('#');
  if (hash == std::string_view::npos)
    return fail(Errc::unsupported, "a fURL (no #v=1 at its end) where a NURL is needed");
  if (text.substr(hash) != "#v=1") return fail(Errc::malformed, "a NURL ends in #v=1");
  text = text.substr(0, hash);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return fail(Errc::malformed, "a NURL without a swissnum");
  HF_TRY_VOID(parse_location(text.substr(0, slash), out));
  const std::string_view swissnum = text.substr(slash + 1);
  if (swissnum.empty() || swissnum.size() > kSwissnumBytesMax || !std::ranges::all_of(swissnum, is_unreserved)) {
    return fail(Errc::malformed, "a NURL with a bad swissnum");
  }
  out.swissnum = std::string(swissnum);
  return out;
}

std::string to_string(const Nurl& nurl) {
  const bool v6 = nurl.host.find(':') != std::string::npos;
  return "pb://" + base64url_encode(nurl.spki.view()) + "@" + (v6 ? "[" + nurl.host + "]" : nurl.host) + ":" +
         std::to_string(nurl.port) + "/" + nurl.swissnum + "#v=1";
}

}  // namespace holdfast::protocol
