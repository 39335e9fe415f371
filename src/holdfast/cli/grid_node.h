// Storage nodes: making them, and running one (holdfast run) or many (holdfast grid) in this process.
#pragma once

#include "holdfast/cli/world.h"
#include "holdfast/node/storage/storage_role.h"

namespace holdfast::cli {

struct StorageNodeWishes {
  std::string nickname;
  std::string host = "127.0.0.1";  // to listen on, and to be named in the NURL unless `location` says otherwise
  std::string location;            // host that others reach it by
  std::uint16_t port = 0;          // 0: any free one is chosen now and kept
  std::string reserved_space = "1G";
};

/// Makes a storage node directory (or completes one): certificate, swissnum, port, tahoe.cfg, NURL. Answers its NURL.
/// Errors: conflict for the directory of another role, and for one that lost its certificate; malformed for a NURL
/// that is none.
Result<std::string> create_storage_node(World& world, const std::string& path, const StorageNodeWishes& wishes);

/// What a read of a file says; only what certainly is not there is missing. Errors: the others.
Result<bool> is_there(const Result<std::string>& read);
/// Has this node a storage server? Errors: those of the disk; not_found when it had one, whose NURL is gone.
Result<bool> has_storage(World& world, const std::string& path);

/// What others shall call a node that listens on `bind`: `location`, if there is one. Errors: malformed when that is no name
/// for a NURL, or stands for every address of a machine.
Result<std::string> host_for_nurl(const std::string& bind, const std::string& location);

struct ClientNodeWishes {
  std::vector<std::string> servers{}, helpers{};  // NURLs
  bool replace = false;                           // lists that are there and have others
};

/// Makes a client node directory that knows these servers and helpers. Errors: conflict when it knows others, which would be
/// forgotten.
Result<void> create_client_node(World& world, const std::string& path, const ClientNodeWishes& wishes);

/// A storage node as its directory describes it; not yet serving.
io::Task<Result<std::unique_ptr<storage::StorageRole>>> start_storage(World& world, const std::string& path,
                                                                      int listen_fd);

}  // namespace holdfast::cli
