#include "holdfast/core/immutable/whole_tree.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::immutable {

Result<std::vector<Hash>> leaves_of_whole_tree(ByteView section, std::uint64_t leaf_count,
                                               const std::optional<Hash>& root) {
  const std::uint64_t count = hashtree::node_count(leaf_count);
  HF_CHECK(section.size() == count * Hash::kSize);
  const auto node = [&](std::uint64_t i) { return Hash::from(section.subspan(i * Hash::kSize, Hash::kSize)); };
  const std::uint64_t first_leaf = hashtree::first_leaf_node(leaf_count);
  std::vector<Hash> leaves(leaf_count);
  for (std::uint64_t i = 0; i < leaf_count; ++i) leaves[i] = node(first_leaf + i);
  const std::vector<Hash> built = hashtree::build_tree(leaves);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (built[i] != node(i)) return fail(Errc::corrupt, "a hash tree that is not the one over its leaves");
  }
  if (root && built[0] != *root) return fail(Errc::corrupt, "a hash tree with another root");
  return leaves;
}

}  // namespace holdfast::immutable
