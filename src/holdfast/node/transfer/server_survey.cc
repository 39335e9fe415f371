#include "holdfast/node/transfer/server_survey.h"

#include <algorithm>

#include "holdfast/core/placement/server_ring.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kJustNowSeconds = 10;  // as long as a silent sender may still be one

}  // namespace

std::vector<grid::StorageServer*> permuted_servers(const Context& context, const StorageIndex& si) {
  std::vector<placement::RingMember> members;
  for (const grid::StorageServer* server : context.servers) {
    members.push_back({to_bytes(server->permutation_seed()),
                       std::ranges::find(context.preferred_servers, server->id()) != context.preferred_servers.end()});
  }
  std::vector<grid::StorageServer*> out;
  for (std::size_t position : placement::permuted_order(si, members)) out.push_back(context.servers[position]);
  return out;
}

std::vector<ServerFacts> candidates(const Context& context, const StorageIndex& si, unsigned n) {
  std::vector<ServerFacts> out;
  for (grid::StorageServer* server : permuted_servers(context, si)) {
    if (out.size() == std::size_t{2} * n) break;
    out.emplace_back().server = server;
  }
  return out;
}

namespace {

io::Task<void> ask_version(grid::StorageServer* server, Result<grid::VersionAnswer>* out) {
  *out = co_await server->version();
}

io::Task<void> ask_list(grid::StorageServer* server, StorageIndex si, Result<std::vector<ShareNumber>>* out) {
  *out = co_await server->list_shares(si);
}

void take_status(ServerFacts& facts, const protocol::UploadStatus& status, std::uint64_t share_bytes) {
  facts.complete = status.complete;
  facts.busy = status.busy;
  for (const auto& [share, partial] : status.incomplete) {
    // Another size: some other encoding under this storage index. The pusher finds it and starts over.
    if (partial.allocated_size != share_bytes) continue;
    facts.partial[share] = partial.required;
    if (!partial.writing.empty()) facts.shared.insert(share);
    if (partial.idle_seconds < kJustNowSeconds) facts.recent.insert(share);
  }
}

/// One question for what is known of the server already. Nothing when it has become another meanwhile.
io::Task<std::optional<ServerFacts>> ask_again(const Context& context, grid::StorageServer& server, StorageIndex si,
                                               const Secret& master, std::uint64_t share_bytes) {
  const std::optional<grid::VersionAnswer> version = server.recent_version();
  if (!version || !version->resumes) co_return std::nullopt;
  Result<grid::AllocateSecrets> secrets = secrets_for(context, master, si, server);
  if (!secrets) co_return std::nullopt;
  const Result<protocol::UploadStatus> status = co_await server.status(si, secrets->upload);
  if (!status) co_return std::nullopt;
  ServerFacts facts;
  facts.server = &server;
  facts.secrets = std::move(*secrets);
  facts.writable = version->version.maximum_immutable_share_size >= share_bytes;
  facts.resumes = true;
  take_status(facts, *status, share_bytes);
  facts.answered = true;
  co_return facts;
}

}  // namespace

io::Task<ServerFacts> ask_server(const Context& context, grid::StorageServer& server, StorageIndex si, Secret master,
                                 std::uint64_t share_bytes) {
  std::optional<ServerFacts> at_once = co_await ask_again(context, server, si, master, share_bytes);
  if (at_once) co_return std::move(*at_once);
  ServerFacts facts;
  facts.server = &server;
  Result<grid::VersionAnswer> version = fail(Errc::cancelled, "");
  Result<std::vector<ShareNumber>> list = fail(Errc::cancelled, "");
  {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(ask_version(&server, &version));
    group.spawn(ask_list(&server, si, &list));
    co_await group.join();
  }
  if (!version || !list) {
    facts.problem = version ? list.error() : version.error();
    co_return facts;
  }
  Result<grid::AllocateSecrets> secrets = secrets_for(context, master, si, server);
  if (!secrets) {
    facts.problem = secrets.error();
    co_return facts;
  }
  facts.secrets = std::move(*secrets);
  facts.writable = version->version.maximum_immutable_share_size >= share_bytes;
  facts.resumes = version->resumes;
  facts.complete.insert(list->begin(), list->end());
  if (facts.resumes) {
    const Result<protocol::UploadStatus> status = co_await server.status(si, facts.secrets->upload);
    if (!status) {
      facts.problem = status.error();
      co_return facts;
    }
    take_status(facts, *status, share_bytes);
  }
  facts.answered = true;
  co_return facts;
}

namespace {

io::Task<void> ask_into(const Context* context, Link* link, ServerFacts* facts, StorageIndex si, Secret master,
                        std::uint64_t share_bytes) {
  grid::StorageServer& server = *facts->server;
  *facts = co_await ask_server(*context, server, si, std::move(master), share_bytes);
  if (facts->answered) link->heard();
}

}  // namespace

io::Task<Result<std::vector<ServerFacts>>> survey(const Context& context, Link& link, StorageIndex si, Secret master,
                                                  std::uint64_t share_bytes, unsigned n) {
  std::vector<ServerFacts> facts = candidates(context, si, n);
  if (facts.empty())
    co_return fail(Errc::unhappy, "this node knows no storage server; add one with create-client --server NURL");
  io::TaskGroup group(co_await io::this_scope());
  for (ServerFacts& each : facts) group.spawn(ask_into(&context, &link, &each, si, master, share_bytes));
  co_await group.join();
  if (group.scope().cancelled()) co_return fail(Errc::cancelled, "stopped");
  co_return facts;
}

namespace {

/// Errors: those of the first call that fails. A server without the extension cannot say what it holds.
io::Task<Result<unsigned>> abort_at(const Context& context, grid::StorageServer& server, const Secret& master,
                                    StorageIndex si) {
  HF_CO_TRY(const grid::VersionAnswer version, co_await server.version());
  if (!version.resumes) co_return 0U;
  HF_CO_TRY(const grid::AllocateSecrets secrets, secrets_for(context, master, si, server));
  HF_CO_TRY(const protocol::UploadStatus status, co_await server.status(si, secrets.upload));
  unsigned aborted = 0;
  for (const auto& [share, partial] : status.incomplete) {
    HF_CO_TRY_VOID(co_await server.abort(si, share, secrets.upload));
    ++aborted;
  }
  co_return aborted;
}

io::Task<void> abort_into(const Context* context, grid::StorageServer* server, const Secret* master, StorageIndex si,
                          Aborted* out) {
  const Result<unsigned> aborted = co_await abort_at(*context, *server, *master, si);
  if (aborted) out->shares += *aborted;
  if (!aborted) ++out->silent_servers;
}

}  // namespace

io::Task<Aborted> abort_partials(const Context& context, Secret master, StorageIndex si) {
  Aborted out;
  io::TaskGroup group(co_await io::this_scope());
  for (grid::StorageServer* server : context.servers) group.spawn(abort_into(&context, server, &master, si, &out));
  co_await group.join();
  co_return out;
}

placement::Facts placement_facts(const std::vector<ServerFacts>& servers, unsigned n, std::uint64_t share_bytes) {
  placement::Facts out;
  out.n = n;
  for (const ServerFacts& facts : servers) {
    placement::ServerState& state = out.servers.emplace_back();
    if (!facts.answered) continue;
    state.writable = facts.writable;
    for (ShareNumber share : facts.complete) {
      if (share < n) state.existing.insert(share);
    }
    for (const auto& [share, required] : facts.partial) {
      if (share < n) state.partial_bytes[share] = share_bytes - std::min(share_bytes, required.total());
    }
    for (ShareNumber share : facts.busy) state.refused.insert(share);
  }
  return out;
}

}  // namespace holdfast::transfer
