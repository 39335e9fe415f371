// Builds hash trees: whole in memory, streamed into a store, or only the root (specs of immutable
// files, 8.1).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/hashtree/node_store.h"

namespace holdfast::hashtree {

/// The two hash rules of a tree. Cheap to make; reuse it for many nodes.
class NodeHasher {
 public:
  NodeHasher();
  Hash inner(const Hash& left, const Hash& right) const { return inner_(left, right); }
  /// What stands in the leaf slots behind the last leaf.
  Hash filler_leaf(std::uint64_t slot) const;

 private:
  crypto::HashPairHasher inner_;
  crypto::TaggedHasher filler_;
};

/// All nodes, breadth-first, fillers included. At least one leaf; one leaf alone is the tree.
std::vector<Hash> build_tree(std::span<const Hash> leaves);
Hash tree_root(std::span<const Hash> leaves);

/// leaves[first, first + count) in a store.
struct LeafRun {
  const NodeStore& store;
  std::uint64_t first;
  std::uint64_t count;  // 1 .. kLeavesMax
};

/// Writes the whole tree over a run of leaves to nodes 0 .. node_count-1 of `tree` and returns the root.
/// Reads each leaf once and writes each node once, in runs of up to 16 KiB, in about 1 MiB of memory for any
/// size. Errors: those of the stores; the tree is then incomplete.
Result<Hash> build_tree_into(NodeStore& tree, const LeafRun& leaves);
inline Result<Hash> build_tree_into(NodeStore& tree, const NodeStore& leaves, std::uint64_t leaf_first,
                                    std::uint64_t leaf_count) {
  return build_tree_into(tree, LeafRun{leaves, leaf_first, leaf_count});
}

/// The root of leaves that come one after another, their number not known before. O(log n) memory.
class RootBuilder {
 public:
  void push(const Hash& leaf);
  std::uint64_t count() const { return count_; }
  /// At least one leaf was pushed. Adds the fillers; the builder is then used up.
  Hash finish();

 private:
  NodeHasher hasher_;
  std::vector<std::optional<Hash>> waiting_;  // by height: a left child whose right sibling is still to come
  std::uint64_t count_ = 0;
};

}  // namespace holdfast::hashtree
