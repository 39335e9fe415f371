// Servers of happiness: the size of a maximum matching of servers and shares (specs of immutable files, 12.2).
#pragma once

#include <map>
#include <set>
#include <vector>

#include "holdfast/core/base/ids.h"

namespace holdfast::placement {

using ServerNumber = std::size_t;  // position in the permuted order
using ShareMap = std::map<ServerNumber, std::set<ShareNumber>>;

/// Server -> share, one to one, as many as possible; earlier servers and lower shares win ties.
std::map<ServerNumber, ShareNumber> maximum_matching(const ShareMap& edges);

std::size_t happiness(const ShareMap& placed);

}  // namespace holdfast::placement
