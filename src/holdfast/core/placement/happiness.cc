#include "holdfast/core/placement/happiness.h"

namespace holdfast::placement {
namespace {

/// Kuhn's augmenting paths: shares already taken may move on to another of their servers' choices.
class Matching {
 public:
  explicit Matching(const ShareMap& edges) : edges_(edges) {}

  bool augment(ServerNumber server, std::set<ShareNumber>& visited) {
    const auto it = edges_.find(server);
    if (it == edges_.end()) return false;
    for (ShareNumber share : it->second) {
      if (!visited.insert(share).second) continue;
      const auto taken = holder_.find(share);
      if (taken == holder_.end() || augment(taken->second, visited)) {
        holder_[share] = server;
        return true;
      }
    }
    return false;
  }

  std::map<ServerNumber, ShareNumber> result() const {
    std::map<ServerNumber, ShareNumber> out;
    for (const auto& [share, server] : holder_) out[server] = share;
    return out;
  }

 private:
  const ShareMap& edges_;
  std::map<ShareNumber, ServerNumber> holder_;
};

}  // namespace

std::map<ServerNumber, ShareNumber> maximum_matching(const ShareMap& edges) {
  Matching matching(edges);
  for (const auto& [server, shares] : edges) {
    std::set<ShareNumber> visited;
    matching.augment(server, visited);
  }
  return matching.result();
}

std::size_t happiness(const ShareMap& placed) {
  return maximum_matching(placed).size();
}

}  // namespace holdfast::placement
