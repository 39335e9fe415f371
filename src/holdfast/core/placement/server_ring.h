// In which order the servers are tried for a storage index (specs of immutable files, 12.1).
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::placement {

/// The announced seed; else the key inside "v0-" + 52 base32 characters; else SHA-256 of the id's text.
Bytes permutation_seed(std::string_view server_id, const std::optional<Bytes>& announced);

struct RingMember {
  Bytes seed;
  bool preferred = false;
};

/// Positions in `members`: preferred ones first, then by SHA-1(SI || seed). Equal digests keep their order.
std::vector<std::size_t> permuted_order(const StorageIndex& si, std::span<const RingMember> members);

}  // namespace holdfast::placement
