#include "holdfast/core/placement/plan.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace holdfast::placement {
namespace {

class Planner {
 public:
  explicit Planner(const Facts& facts) : facts_(facts) {}

  Plan run() {
    keep_existing(false);  // M1: read-only servers
    keep_existing(true);   // M2: writable servers
    continue_partials();
    pair_free();  // M3
    place_rest();
    return plan_;
  }

 private:
  const ServerState& state(ServerNumber server) const { return facts_.servers[server]; }
  bool unplaced(ShareNumber share) const { return share < facts_.n && !plan_.contains(share); }

  void assign(ShareNumber share, ServerNumber server) {
    plan_[share] = server;
    ++load_[server];
  }

  void keep_existing(bool writable) {
    ShareMap edges;
    for (ServerNumber server = 0; server < facts_.servers.size(); ++server) {
      if (state(server).writable != writable) continue;
      for (ShareNumber share : state(server).existing) {
        if (unplaced(share)) edges[server].insert(share);
      }
    }
    for (const auto& [server, share] : maximum_matching(edges)) assign(share, server);
  }

  bool free_writable(ServerNumber server) const { return state(server).writable && !load_.contains(server); }

  /// Pairs free servers with partial shares, most bytes first: any such pairing leaves M3 as many pairs as before.
  void continue_partials() {
    std::vector<std::tuple<std::uint64_t, ServerNumber, ShareNumber>> offers;
    for (ServerNumber server = 0; server < facts_.servers.size(); ++server) {
      for (const auto& [share, bytes] : state(server).partial_bytes) offers.emplace_back(bytes, server, share);
    }
    std::ranges::stable_sort(offers, [](const auto& a, const auto& b) { return std::get<0>(a) > std::get<0>(b); });
    for (const auto& [bytes, server, share] : offers) {
      if (free_writable(server) && unplaced(share) && !state(server).refused.contains(share)) assign(share, server);
    }
  }

  /// One new share a free server: a matching, since some shares are refused by some servers.
  void pair_free() {
    ShareMap edges;
    for (ServerNumber server = 0; server < facts_.servers.size(); ++server) {
      if (!free_writable(server)) continue;
      for (ShareNumber share = 0; share < facts_.n; ++share) {
        if (unplaced(share) && !state(server).refused.contains(share)) edges[server].insert(share);
      }
    }
    for (const auto& [server, share] : maximum_matching(edges)) assign(share, server);
  }

  void place_rest() {
    for (ShareNumber share = 0; share < facts_.n; ++share) {
      if (!unplaced(share)) continue;
      std::optional<ServerNumber> best;
      for (ServerNumber server = 0; server < facts_.servers.size(); ++server) {
        if (!state(server).writable || state(server).refused.contains(share)) continue;
        if (!best || better(share, server, *best)) best = server;
      }
      if (best) assign(share, *best);
    }
  }

  /// Holding the share beats holding a part of it beats having few shares beats coming early.
  bool better(ShareNumber share, ServerNumber a, ServerNumber b) const {
    const auto rank = [&](ServerNumber server) {
      const auto partial = state(server).partial_bytes.find(share);
      const std::uint64_t bytes = partial == state(server).partial_bytes.end() ? 0 : partial->second;
      const auto load = load_.find(server);
      return std::tuple(!state(server).existing.contains(share), bytes == 0,
                        load == load_.end() ? std::size_t{0} : load->second, server);
    };
    return rank(a) < rank(b);
  }

  const Facts& facts_;
  Plan plan_;
  std::map<ServerNumber, std::size_t> load_;
};

}  // namespace

Plan plan(const Facts& facts) {
  return Planner(facts).run();
}

ShareMap planned_shares(const Facts& facts, const Plan& plan) {
  ShareMap out;
  for (ServerNumber server = 0; server < facts.servers.size(); ++server) {
    for (ShareNumber share : facts.servers[server].existing) out[server].insert(share);
  }
  for (const auto& [share, server] : plan) out[server].insert(share);
  return out;
}

}  // namespace holdfast::placement
