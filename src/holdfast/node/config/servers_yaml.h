// private/servers.yaml, as Tahoe-LAFS has it (storage-server.md 10.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/base/result.h"
#include "holdfast/core/protocol/announcement.h"

namespace holdfast::config {

/// Entries that cannot be used are named in `problems` and left out. Errors: malformed (not YAML of that shape, larger
/// than 4 MiB).
Result<std::vector<protocol::Announcement>> parse_servers_yaml(std::string_view text, std::vector<std::string>& problems);

/// One NURL a line; blank lines and # comments are fine. Errors: malformed with the line.
Result<std::vector<protocol::Announcement>> parse_nurl_list(std::string_view text);

}  // namespace holdfast::config
