// How a server is named: pb://SPKI@host:port/SWISSNUM#v=1 (storage protocol 1.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

struct Nurl {
  SpkiHash spki;
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 443;
  std::string swissnum;
  friend bool operator==(const Nurl&, const Nurl&) = default;
};

/// Errors: malformed, with what is wrong; unsupported for pb+tor, pb+i2p and Foolscap fURLs.
Result<Nurl> parse_nurl(std::string_view text);
std::string to_string(const Nurl& nurl);

}  // namespace holdfast::protocol
