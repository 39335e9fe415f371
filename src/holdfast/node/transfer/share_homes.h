// Where else could a share go, when what was planned came to nothing?
#pragma once

#include "holdfast/node/transfer/push_attempts.h"
#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {

using Refusal = std::pair<std::size_t, ShareNumber>;         // server, share
using Homes = std::map<std::size_t, std::set<ShareNumber>>;  // server -> shares to ask it for

/// What there is to choose from.
struct HomeChoice {
  const std::vector<ServerFacts>& servers;
  const PushAttempts& attempts;
  const std::set<Refusal>& refused;
  unsigned n;      // shares of the file
  unsigned happy;  // how many servers must have a share of their own
};

/// For each share that is neither placed nor in a live attempt: of the servers that answer, take shares and have not refused this
/// one, the one with the fewest. One that comes on far more slowly than the others did may go to a server that has none. Each share
/// may have its copy, and yet too few servers one of their own: those that came late then get another copy. Empty when there is
/// nothing to be done.
Homes find_homes(const HomeChoice& choice);

}  // namespace holdfast::transfer
