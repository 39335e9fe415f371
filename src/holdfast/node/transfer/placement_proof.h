// Who really holds the shares of a file that somebody else placed: asked of the servers themselves.
#pragma once

#include <functional>
#include <map>

#include "holdfast/node/transfer/link.h"
#include "holdfast/node/transfer/server_survey.h"

namespace holdfast::transfer {

struct ProvenPlacement {
  std::map<ShareNumber, std::vector<grid::StorageServer*>> copies;  // read back, and they agree
  unsigned happiness = 0;
  unsigned servers_answering = 0;
  std::vector<std::string> problems;  // wrong copies, silent servers
};

/// Does this server hold this share as it should be? Errors: corrupt, or why it could not be read.
using CopyProof = std::function<io::Task<Result<void>>(grid::StorageServer& server, ShareNumber share)>;

/// Asks every server that the node knows for its list, and looks at each share below `n` that it names. Tries a few times
/// while it is less than `happy`: what was stored a moment ago may take a moment to be seen. Once it is, who is slow is not waited
/// for without end. Errors: cancelled.
io::Task<Result<ProvenPlacement>> prove_placement(const Context& context, Link& link, const StorageIndex& si,
                                                  unsigned n, unsigned happy, const CopyProof& proof);

/// The node's own leases on the servers of these copies. Answers the names of the servers that did not take one.
io::Task<std::vector<std::string>> add_own_leases(const Context& context, const Secret& master, const StorageIndex& si,
                                                  const ProvenPlacement& placement);

}  // namespace holdfast::transfer
