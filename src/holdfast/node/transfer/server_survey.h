// Asking every candidate at once what it has of a file, and making a plan of the answers.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "holdfast/core/placement/plan.h"
#include "holdfast/node/transfer/aborted.h"
#include "holdfast/node/transfer/link.h"
#include "holdfast/node/transfer/share_pusher.h"

namespace holdfast::transfer {

/// What one server answered.
struct ServerFacts {
  grid::StorageServer* server = nullptr;
  std::optional<io::Time> asked;  // when the latest question began that has ended, with an answer or without
  bool answered = false;
  bool final = false;                    // nobody asks any more
  Error problem{Errc::unavailable, ""};  // when it did not
  bool writable = false;                 // takes shares of this size
  bool resumes = false;
  std::optional<grid::AllocateSecrets> secrets;
  std::set<ShareNumber> complete;           // by its word; not yet proven
  std::map<ShareNumber, RangeSet> partial;  // ours: what each still lacks
  std::set<ShareNumber> shared;             // of partial: somebody with our secret is at work on it
  std::set<ShareNumber> recent;             // of partial: somebody was, just now
  std::set<ShareNumber> busy;               // somebody else is sending
};

/// The servers for a storage index in permuted order, preferred ones first.
std::vector<grid::StorageServer*> permuted_servers(const Context& context, const StorageIndex& si);

/// The first 2N of them, not yet asked.
std::vector<ServerFacts> candidates(const Context& context, const StorageIndex& si, unsigned n);

/// Asks one server: version, and what it holds (status, or the list where that is missing).
io::Task<ServerFacts> ask_server(const Context& context, grid::StorageServer& server, StorageIndex si, Secret master,
                                 std::uint64_t share_bytes);

/// The first 2N servers at once, each within the limit of patience. Ordered as permuted.
io::Task<Result<std::vector<ServerFacts>>> survey(const Context& context, Link& link, StorageIndex si, Secret master,
                                                  std::uint64_t share_bytes, unsigned n);

/// Aborts every partial share that `master` owns, on all servers at once.
io::Task<Aborted> abort_partials(const Context& context, Secret master, StorageIndex si);

/// The facts in the form that placement::plan takes; `unusable` are (server position, share) pairs that failed.
placement::Facts placement_facts(const std::vector<ServerFacts>& servers, unsigned n, std::uint64_t share_bytes);

}  // namespace holdfast::transfer
