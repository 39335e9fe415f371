// How a complete share lies on disk: a 12-byte header, the share, lease records (storage-server.md 2 and 4).
#pragma once

#include <cstdint>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/edge/io/file_system.h"

namespace holdfast::storage {

inline constexpr std::uint64_t kContainerHeaderBytes = 12;
inline constexpr std::uint64_t kLeaseBytes = 72;
inline constexpr std::uint32_t kLeasesMax =
    10'000;  // of a share; further ones only in the place of those that have ended
inline constexpr std::uint32_t kLeaseSeconds = 2'678'400;  // 31 days

enum class ContainerKind { immutable, mutable_slot, unknown };

struct ContainerInfo {
  ContainerKind kind = ContainerKind::unknown;
  unsigned version = 2;
  std::uint64_t data_bytes = 0;
  std::uint32_t leases = 0;
};

/// Reads the header; the length of the data follows from the file's size. A stray lease record of a crash is noticed and,
/// with `repair`, cut off. Errors: io, corrupt (sizes that contradict).
Result<ContainerInfo> inspect_container(io::File& file, bool repair);

/// The 12 bytes, version 2.
Bytes container_header(std::uint64_t data_bytes, std::uint32_t leases);

/// Secrets as they are kept: BLAKE2b-256 in version 2 containers.
struct LeaseRecord {
  std::uint32_t owner = 0;
  Hash renew, cancel;  // at rest
  std::uint32_t expires = 0;
};
Bytes encode_lease(const LeaseRecord& lease);

/// What a request brings: the clear secrets.
struct LeaseRequest {
  std::uint32_t owner = 0;
  Secret renew, cancel;  // 32 bytes each
  LeaseRecord at_rest(std::uint32_t expires) const;
};

enum class LeaseOutcome { renewed, added, no_room };

/// When a lease that is given or renewed now ends, as containers say it; of times that they cannot say, the nearest.
std::uint32_t lease_expiry(std::int64_t now_wall);

/// Renews the lease with this renew secret (never shortening it) or appends one, if `may_add`. Record, sync, count,
/// sync; whatever became of an earlier attempt. Errors: io, no_space, corrupt.
Result<LeaseOutcome> add_or_renew_lease(io::File& file, const LeaseRequest& request, std::int64_t now_wall,
                                        bool may_add);

/// All leases of a container, for the garbage collector.
Result<std::vector<LeaseRecord>> read_leases(io::File& file, const ContainerInfo& info);

}  // namespace holdfast::storage
