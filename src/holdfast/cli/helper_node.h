// Upload helpers: making their node directory, and starting one.
#pragma once

#include "holdfast/cli/world.h"
#include "holdfast/node/helper/helper_role.h"

namespace holdfast::cli {

struct HelperNodeWishes {
  std::string host = "127.0.0.1";    // to listen on, and to be named in the NURL unless `location` says otherwise
  std::string location;              // host that others reach it by
  std::uint16_t port = 0;            // 0: any free one is chosen now and kept
  std::vector<std::string> servers;  // NURLs of the grid
};

/// Makes a helper's node directory (or completes one): certificate, swissnum, operator token, servers, NURL. Answers its NURL.
Result<std::string> create_helper_node(World& world, const std::string& path, const HelperNodeWishes& wishes);

/// Is there one? Errors: those of the disk.
Result<bool> has_helper(World& world, const std::string& path);

/// As its directory describes it; not yet serving. The client node that it works with must outlive it.
io::Task<Result<std::unique_ptr<helper::HelperRole>>> start_helper(World& world, const ClientNode& node, int listen_fd);

}  // namespace holdfast::cli
