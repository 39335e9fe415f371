#include "holdfast/core/hashtree/tree_index.h"

#include <algorithm>

namespace holdfast::hashtree {

std::vector<std::uint64_t> path_siblings(std::uint64_t leaves, std::uint64_t i) {
  HF_CHECK(i < leaves && leaves <= kLeavesMax);
  std::vector<std::uint64_t> out;
  for (std::uint64_t node = leaf_node(leaves, i); node != 0; node = parent(node)) out.push_back(sibling(node));
  return out;
}

std::vector<std::uint64_t> chain_nodes(std::uint64_t n, std::uint64_t share) {
  std::vector<std::uint64_t> out = path_siblings(n, share);
  out.push_back(leaf_node(n, share));
  std::ranges::sort(out);
  return out;
}

}  // namespace holdfast::hashtree
