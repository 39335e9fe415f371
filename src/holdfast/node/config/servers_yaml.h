// private/servers.yaml, as Tahoe-LAFS has it (storage-server.md 10.2).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/core/base/result.h"
#include "holdfast/core/protocol/announcement.h"

namespace holdfast::config {

/// What cannot be used, and NURLs that cannot be read beside others, is named in `problems` and left out. Of an id that
/// is there twice the last entry counts, as in Tahoe-LAFS. Errors: malformed (not YAML of that shape, larger than 4 MiB).
Result<std::vector<protocol::Announcement>> parse_servers_yaml(std::string_view text,
                                                               std::vector<std::string>& problems);

/// The lines of a list of NURLs, without blanks at their ends, comments (#) and blank lines; each with its number, from 1.
std::vector<std::pair<std::size_t, std::string_view>> nurl_lines(std::string_view text);

/// One NURL a line; blank lines and # comments are fine. Lines that cannot be used, and the second one of a server, are
/// named in `problems` and left out.
std::vector<protocol::Announcement> parse_nurl_list(std::string_view text, std::vector<std::string>& problems,
                                                    std::string_view file = "servers.nurl");

}  // namespace holdfast::config
