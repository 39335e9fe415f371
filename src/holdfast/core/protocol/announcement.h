// What is known of a server before it is asked: an entry of servers.yaml, or a bare NURL.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/protocol/nurl.h"

namespace holdfast::protocol {

/// storage-server.md 10.1, as far as it concerns Great Black Swamp.
struct Announcement {
  std::string server_id;                // "v0-..." or any text; "nurl-" + key hash for a bare NURL
  std::string nickname;                 // may be empty
  std::optional<TubId> tub_id;          // from the announced fURL; nothing for a bare NURL
  std::vector<Nurl> nurls;              // at least one
  std::optional<Bytes> announced_seed;  // permutation-seed-base32, decoded
};

/// A server of which only the NURL is known.
Announcement announcement_of(const Nurl& nurl);

}  // namespace holdfast::protocol
