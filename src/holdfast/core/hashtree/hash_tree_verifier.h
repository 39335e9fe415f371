// Accepts nodes of a hash tree only with proof (specs of immutable files, 8.4).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"
#include "holdfast/core/hashtree/hash_tree.h"

namespace holdfast::hashtree {

struct NumberedHash {
  std::uint64_t node;
  Hash hash;
};

/// A partial tree that holds validated nodes only; memory goes with those, never with leaf_count.
class HashTreeVerifier {
 public:
  /// 1 <= leaf_count <= kLeavesMax; callers bound foreign numbers.
  explicit HashTreeVerifier(std::uint64_t leaf_count);

  std::uint64_t leaf_count() const { return leaf_count_; }

  /// From a trusted source: a capability, a validated UEB, a validated share-tree leaf. Set it once (again
  /// only to the same value).
  void set_root(const Hash& root);
  bool has_root() const { return known_.contains(0); }

  /// Takes all nodes, in any order, and what follows from them; or changes nothing. Repeated and already
  /// known nodes are fine if equal. Errors: corrupt for a node outside the tree, two values for one node, a
  /// node whose sibling is neither known nor among them, a parent that does not match; and without a root,
  /// for everything.
  Result<void> add(std::span<const NumberedHash> nodes);

  bool knows(std::uint64_t node) const { return known_.contains(node); }
  std::optional<Hash> node(std::uint64_t node) const;
  /// i < leaf_count.
  std::optional<Hash> leaf(std::uint64_t i) const;

  /// What add still needs to validate the leaf, ascending: empty when it is known, else the siblings on the
  /// path up to the first known node, and with include_leaf the leaf's own node.
  std::vector<std::uint64_t> needed(std::uint64_t leaf, bool include_leaf) const;

  /// Forgets what no leaf >= i needs, which keeps at most O(log n) nodes left of leaf i. Asking for an
  /// earlier leaf later is fine; its nodes are then needed again. Amortised O(1) per leaf for a sequential
  /// reader.
  void forget_leaves_before(std::uint64_t i);

  std::size_t known_count() const { return known_.size(); }

 private:
  const Hash* find(std::uint64_t node) const;
  Result<std::vector<NumberedHash>> unknown_sorted(std::span<const NumberedHash> nodes) const;
  Result<std::vector<NumberedHash>> proven(const std::vector<NumberedHash>& given) const;
  void note_added(std::uint64_t node);
  void forget_level(unsigned level, std::uint64_t old_path, std::uint64_t new_path);

  std::uint64_t leaf_count_;
  std::uint64_t forgotten_before_ = 0;
  NodeHasher hasher_;
  std::unordered_map<std::uint64_t, Hash> known_;
};

}  // namespace holdfast::hashtree
