// The one file that knows both HTTP and the store: the routes of the storage protocol.
#pragma once

#include <string>

#include "holdfast/edge/http/server.h"
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {

struct RouteCounters {
  std::uint64_t requests = 0, unauthorized = 0, bad_requests = 0, broken_bodies = 0;
  std::uint64_t piece_bytes_lent = 0;  // of bodies, in memory now
};

/// The handler of a storage server. `store` and `counters` outlive it.
/// Order of checks as in the storage protocol, 3.3. Mutable slots do not exist here yet: lists are empty, reads 404,
/// read-test-write 501.
http::Handler make_storage_handler(ShareStore& store, RouteCounters& counters, const std::string& swissnum,
                                   std::string application_version);

}  // namespace holdfast::storage
