// Storage nodes: making them, and running one (holdfast run) or many (holdfast grid) in this process.
#pragma once

#include "holdfast/cli/world.h"
#include "holdfast/node/storage/storage_role.h"

namespace holdfast::cli {

/// A port that is free now. It is written down, so that the URL stays what it is.

struct StorageNodeWishes {
  std::string nickname;
  std::string host = "127.0.0.1";  // to listen on, and to be named in the NURL unless `location` says otherwise
  std::string location;            // host that others reach it by
  std::uint16_t port = 0;          // 0: any free one is chosen now and kept
  std::string reserved_space = "1G";
};

/// Makes a storage node directory (or completes one): certificate, swissnum, port, tahoe.cfg, NURL. Answers its NURL.
Result<std::string> create_storage_node(World& world, const std::string& path, const StorageNodeWishes& wishes);

/// Makes a client node directory that knows these servers and helpers.
Result<void> create_client_node(World& world, const std::string& path, const std::vector<std::string>& nurls,
                                const std::vector<std::string>& helpers);

/// A storage node as its directory describes it; not yet serving.
io::Task<Result<std::unique_ptr<storage::StorageRole>>> start_storage(World& world, const std::string& path,
                                                                      int listen_fd);

}  // namespace holdfast::cli
