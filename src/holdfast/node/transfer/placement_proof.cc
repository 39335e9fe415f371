#include "holdfast/node/transfer/placement_proof.h"

#include <algorithm>
#include <optional>

#include "holdfast/core/placement/happiness.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kLooks = 3;

/// What one server has shown so far.
struct Shown {
  grid::StorageServer* server = nullptr;
  bool answered = false, done = false;
  std::set<ShareNumber> proven, wrong;
  std::string problem;
};

struct Question {
  Link& link;
  const StorageIndex& si;
  unsigned n;
  const CopyProof& proof;
  io::Event& changed;
};

io::Task<void> look_through(const Question* question, Shown* shown) {
  const auto list = co_await shown->server->list_shares(question->si);
  if (!list) {
    shown->problem = list.error().what;
    co_return;
  }
  question->link.heard();
  shown->answered = true;
  shown->problem.clear();
  for (ShareNumber share : *list) {
    if (share >= question->n || shown->proven.contains(share) || shown->wrong.contains(share)) continue;
    const Result<void> proven = co_await question->proof(*shown->server, share);
    if (proven) {
      shown->proven.insert(share);
      question->changed.notify_all();
      continue;
    }
    shown->problem = proven.error().what;
    if (proven.error().code == Errc::corrupt) shown->wrong.insert(share);
  }
}

io::Task<void> look_at(const Question* question, Shown* shown) {
  shown->done = false;
  co_await look_through(question, shown);
  shown->done = true;
  question->changed.notify_all();
}

/// A lost answer is no reason to be without: adding it twice is adding it once.
io::Task<void> add_lease(grid::StorageServer* server, StorageIndex si, grid::AllocateSecrets secrets, bool* taken) {
  for (int tries = 0; tries < 2 && !*taken; ++tries) {
    const auto added = co_await server->add_lease(si, secrets.lease_renew, secrets.lease_cancel);
    *taken = added.has_value();
  }
}

unsigned happiness_of(const std::vector<Shown>& all) {
  placement::ShareMap map;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].proven.empty()) map[i] = all[i].proven;
  }
  return static_cast<unsigned>(placement::happiness(map));
}

ProvenPlacement summed_up(const std::vector<Shown>& all) {
  ProvenPlacement out;
  out.happiness = happiness_of(all);
  for (const Shown& each : all) {
    if (each.answered) ++out.servers_answering;
    if (!each.problem.empty()) out.problems.push_back(each.problem);
    for (ShareNumber share : each.proven) out.copies[share].push_back(each.server);
  }
  return out;
}

/// Until all have shown what they have; or until enough is proven, and those who take much longer than it took have had their
/// chance: one whose bytes drip would hold all up.
io::Task<void> wait_for_enough(const Question* question, const std::vector<Shown>* all, unsigned happy) {
  io::CancelScope& scope = co_await io::this_scope();
  const auto now = [&scope] { return scope.loop().now(); };
  const io::Time begun = now();
  std::optional<io::Time> happy_since;
  while (!std::ranges::all_of(*all, &Shown::done) && !scope.cancelled()) {
    if (!happy_since && happiness_of(*all) >= happy) happy_since = now();
    auto told = question->changed.told();
    if (happy_since) {
      const io::Duration chance = std::max(question->link.patience().straggler, (*happy_since - begun) * 3);
      const io::Duration left = *happy_since + chance - now();
      if (left <= io::Duration::zero()) co_return;
      told = io::with_timeout(left, std::move(told));
    }
    static_cast<void>(co_await std::move(told));
  }
}

}  // namespace

io::Task<Result<ProvenPlacement>> prove_placement(const Context& context, Link& link, const StorageIndex& si,
                                                  unsigned n, unsigned happy, const CopyProof& proof) {
  io::CancelScope& scope = co_await io::this_scope();
  io::Event changed(context.loop);
  const Question question{link, si, n, proof, changed};
  std::vector<Shown> all;
  for (grid::StorageServer* server : permuted_servers(context, si)) all.emplace_back().server = server;
  for (unsigned look = 1;; ++look) {
    io::TaskGroup group(scope);
    for (Shown& each : all) group.spawn(look_at(&question, &each));
    co_await wait_for_enough(&question, &all, happy);
    std::vector<Shown*> late;
    for (Shown& each : all) {
      if (!each.done) late.push_back(&each);
    }
    group.cancel();
    co_await group.join();
    if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
    for (Shown* each : late) each->problem = each->server->name() + " takes too long to show what it holds";
    if (happiness_of(all) >= happy || look == kLooks) break;
    const bool slept = co_await io::sleep_for(link.patience().retry_first * (1L << (2 * look)));
    if (!slept) co_return fail(Errc::cancelled, "stopped");
  }
  co_return summed_up(all);
}

io::Task<std::vector<std::string>> add_own_leases(const Context& context, const Secret& master, const StorageIndex& si,
                                                  const ProvenPlacement& placement) {
  std::map<grid::StorageServer*, bool> taken;
  for (const auto& [share, holders] : placement.copies) {
    for (grid::StorageServer* server : holders) taken[server] = false;
  }
  io::TaskGroup group(co_await io::this_scope());
  for (auto& [server, done] : taken) {
    Result<grid::AllocateSecrets> secrets = secrets_for(context, master, si, *server);
    if (secrets) group.spawn(add_lease(server, si, std::move(*secrets), &done));
  }
  co_await group.join();
  std::vector<std::string> without;
  for (const auto& [server, done] : taken) {
    if (!done) without.push_back(server->name());
  }
  co_return without;
}

}  // namespace holdfast::transfer
