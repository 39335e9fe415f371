// The paths of the storage protocol: one closed set of routes, parsed and printed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/core/base/ids.h"

namespace holdfast::protocol {

enum class RouteKind {
  unknown,                  // 404
  version,                  // GET   /storage/v1/version
  lease,                    // PUT   /storage/v1/lease/:si
  allocate,                 // POST  /storage/v1/immutable/:si
  list,                     // GET   /storage/v1/immutable/:si/shares
  share,                    // PATCH, GET, HEAD /storage/v1/immutable/:si/:n
  abort,                    // PUT   /storage/v1/immutable/:si/:n/abort
  corrupt,                  // POST  /storage/v1/immutable/:si/:n/corrupt
  resume_status,            // GET   /storage/resume/v1/:si
  mutable_read_test_write,  // POST  /storage/v1/mutable/:si/read-test-write
  mutable_list,             // GET   /storage/v1/mutable/:si/shares
  mutable_share,            // GET   /storage/v1/mutable/:si/:n
  mutable_corrupt,          // POST  /storage/v1/mutable/:si/:n/corrupt
};

struct Route {
  RouteKind kind = RouteKind::unknown;
  StorageIndex si{};
  /// Numbers that do not fit are kNoSuchShare: leading zeros are fine, values above 255 mean no share.
  std::uint64_t share = 0;
};
inline constexpr std::uint64_t kNoSuchShare = UINT64_MAX;

/// The path only; a query or an unknown path, a bad storage index or number is `unknown`.
Route parse_route(std::string_view path);

std::string version_path();
std::string lease_path(const StorageIndex& si);
std::string allocate_path(const StorageIndex& si);
std::string list_path(const StorageIndex& si);
std::string share_path(const StorageIndex& si, ShareNumber share);
std::string abort_path(const StorageIndex& si, ShareNumber share);
std::string corrupt_path(const StorageIndex& si, ShareNumber share);
std::string resume_status_path(const StorageIndex& si);

}  // namespace holdfast::protocol
