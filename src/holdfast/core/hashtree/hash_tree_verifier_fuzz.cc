// Whatever is offered: the verifier never holds a node that differs from the real tree's, a refused offer
// changes nothing, and what it says it needs is enough.
//
// The input is one byte for the number of leaves, then commands of two bytes: an operation and a node or leaf
// number.
#include <array>
#include <vector>

#include "holdfast/core/base/check.h"
#include "holdfast/core/hashtree/hash_tree_verifier.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace {

using namespace holdfast;
using namespace holdfast::hashtree;

std::vector<Hash> real_tree(std::uint64_t leaves) {
  std::vector<Hash> out(leaves);
  for (std::uint64_t i = 0; i < leaves; ++i) out[i].bytes[0] = static_cast<std::uint8_t>(i);
  return build_tree(out);
}

void offer(HashTreeVerifier& verifier, const std::vector<Hash>& tree, const std::vector<NumberedHash>& nodes) {
  const std::size_t before = verifier.known_count();
  const bool added = verifier.add(nodes).has_value();
  HF_CHECK(added || verifier.known_count() == before);
  for (std::uint64_t node = 0; node < tree.size(); ++node) {
    if (const auto hash = verifier.node(node)) HF_CHECK(*hash == tree[node]);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 || size > 400) return 0;
  const std::uint64_t leaves = data[0] % 40 + 1;
  const std::vector<Hash> tree = real_tree(leaves);
  HashTreeVerifier verifier(leaves);
  std::vector<NumberedHash> offered;
  for (std::size_t at = 1; at + 1 < size; at += 2) {
    const std::uint64_t number = data[at + 1];
    const std::uint64_t leaf = number % leaves;
    switch (data[at] % 8) {
      case 0:
        verifier.set_root(tree[0]);
        break;
      case 1:
      case 2:
        offered.push_back({number, tree[number % tree.size()]});
        break;
      case 3:
        offered.push_back({number % tree.size(), tree[number % tree.size()]});
        offered.back().hash.bytes[at % 32] ^= 1;
        break;
      case 4:
        for (std::uint64_t node : verifier.needed(leaf, true)) offered.push_back({node, tree[node]});
        break;
      case 5:
        offer(verifier, tree, offered);
        offered.clear();
        break;
      case 6:
        verifier.forget_leaves_before(number % (leaves + 1));
        break;
      case 7: {
        if (!verifier.has_root()) break;
        std::vector<NumberedHash> needed;
        for (std::uint64_t node : verifier.needed(leaf, true)) needed.push_back({node, tree[node]});
        HF_CHECK(verifier.add(needed));
        HF_CHECK(verifier.leaf(leaf) == tree[leaf_node(leaves, leaf)]);
        break;
      }
    }
  }
  return 0;
}
