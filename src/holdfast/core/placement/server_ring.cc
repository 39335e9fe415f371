#include "holdfast/core/placement/server_ring.h"

#include <algorithm>
#include <numeric>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/sha1.h"
#include "holdfast/core/crypto/sha256.h"

namespace holdfast::placement {

Bytes permutation_seed(std::string_view server_id, const std::optional<Bytes>& announced) {
  if (announced) return *announced;
  constexpr std::size_t kKeyCharacters = 52;
  if (server_id.starts_with("v0-") && server_id.size() == 3 + kKeyCharacters) {
    if (auto key = base32_decode(server_id.substr(3))) return *key;
  }
  return to_bytes(crypto::sha256(view_of(server_id)).view());
}

std::vector<std::size_t> permuted_order(const StorageIndex& si, std::span<const RingMember> members) {
  std::vector<TubId> digests;  // SHA-1 values; TubId is the 20-byte type
  for (const RingMember& member : members) {
    Bytes input = to_bytes(si.view());
    append(input, member.seed);
    digests.push_back(crypto::sha1(input));
  }
  std::vector<std::size_t> order(members.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    if (members[a].preferred != members[b].preferred) return members[a].preferred;
    return digests[a] < digests[b];
  });
  return order;
}

}  // namespace holdfast::placement
