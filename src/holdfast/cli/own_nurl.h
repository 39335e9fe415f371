// The NURL that a role of this node has: the last file of its making, by which others know it.
#pragma once

#include <optional>
#include <string>

#include "holdfast/core/protocol/nurl.h"
#include "holdfast/node/config/node_directory.h"

namespace holdfast::cli {

/// Of private/`name`. Errors: not_found; malformed, with the name of the file.
Result<protocol::Nurl> read_own_nurl(const config::NodeDirectory& node, const std::string& name);

/// What an earlier making has left there, as text; nothing when there is no such file. Another port than `port` (0: none is
/// wished) is told on stderr, and stays. Errors: malformed; conflict when the key of node.pem is gone or is not the one that
/// it names.
Result<std::optional<std::string>> made_before(const config::NodeDirectory& node, const std::string& name,
                                               std::uint16_t port);

/// That of a port that was asked for in vain.
void warn_of_port(const std::string& path, std::uint16_t kept, std::uint16_t asked);

}  // namespace holdfast::cli
