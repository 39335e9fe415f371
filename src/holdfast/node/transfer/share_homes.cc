#include "holdfast/node/transfer/share_homes.h"

#include <algorithm>

namespace holdfast::transfer {
namespace {

std::set<std::size_t> usable_servers(const HomeChoice& choice) {
  std::set<std::size_t> out;
  for (std::size_t server = 0; server < choice.servers.size(); ++server) {
    if (choice.servers[server].answered && choice.servers[server].writable) out.insert(server);
  }
  for (const auto& attempt : choice.attempts) {
    const bool failed = attempt->pusher.state() == SharePusher::State::failed;
    if (!failed && choice.attempts.is_silent(attempt->pusher)) out.erase(attempt->server);
  }
  return out;
}

std::map<std::size_t, std::size_t> load_of_servers(const HomeChoice& choice) {
  std::map<std::size_t, std::size_t> out;
  for (const auto& attempt : choice.attempts) {
    if (attempt->pusher.state() != SharePusher::State::failed) ++out[attempt->server];
  }
  return out;
}

void spread(const HomeChoice& choice, const std::set<std::size_t>& usable, Homes& homes) {
  placement::ShareMap map = choice.attempts.counted();
  for (const auto& [server, shares] : homes) map[server].insert(shares.begin(), shares.end());
  std::set<ShareNumber> unmatched;
  for (ShareNumber share = 0; share < choice.n; ++share) unmatched.insert(share);
  auto matching = placement::maximum_matching(map);
  for (const auto& [server, share] : matching) unmatched.erase(share);
  for (std::size_t server : usable) {
    if (matching.size() >= choice.happy) return;
    const auto free = std::ranges::find_if(unmatched, [&](ShareNumber share) {
      return !choice.refused.contains({server, share});
    });
    if (matching.contains(server) || free == unmatched.end()) continue;
    matching[server] = *free;
    homes[server].insert(*free);
    unmatched.erase(free);
  }
}

}  // namespace

Homes find_homes(const HomeChoice& choice) {
  const std::set<std::size_t> usable = usable_servers(choice);
  std::map<std::size_t, std::size_t> load = load_of_servers(choice);
  Homes out;
  for (ShareNumber share = 0; share < choice.n; ++share) {
    const bool live = choice.attempts.has_live(share);
    if (choice.attempts.is_placed(share) || (live && !choice.attempts.is_late(share))) continue;
    std::optional<std::size_t> best;
    for (std::size_t server : usable) {
      if (choice.refused.contains({server, share}) || (live && load[server] > 0)) continue;
      if (!best || load[server] < load[*best]) best = server;
    }
    if (!best) continue;
    ++load[*best];
    out[*best].insert(share);
  }
  spread(choice, usable, out);
  return out;
}

}  // namespace holdfast::transfer
