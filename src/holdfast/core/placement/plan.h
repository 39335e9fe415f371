// Who should hold what: facts in, plan out (specs of immutable files, 12.4).
#pragma once

#include <cstdint>

#include "holdfast/core/placement/happiness.h"

namespace holdfast::placement {

struct ServerState {
  bool writable = false;
  std::set<ShareNumber> existing;                      // complete shares
  std::map<ShareNumber, std::uint64_t> partial_bytes;  // held of shares that this uploader may continue
  std::set<ShareNumber> refused;                       // must not be planned here
};

struct Facts {
  unsigned n = 0;
  std::vector<ServerState> servers;  // in permuted order
};

/// share -> server, for every share that can be given a server. Shares on read-only servers first, then existing
/// ones, then one new share a server; the rest where few are. Among new placements those that go on with partial
/// shares win, the more bytes held the sooner. The happiness is min(N, |M1| + |RW|), the best there is (refusals
/// aside).
using Plan = std::map<ShareNumber, ServerNumber>;
Plan plan(const Facts& facts);

/// What the servers would hold with the plan carried out, existing shares included.
ShareMap planned_shares(const Facts& facts, const Plan& plan);

}  // namespace holdfast::placement
