#include "holdfast/core/hashtree/hash_tree.h"

#include <algorithm>
#include <string>

#include "holdfast/core/base/check.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::hashtree {
namespace {

constexpr std::uint64_t kRunHashesMax = 512;  // 16 KiB per level, 62 levels at most

// Takes the leaf slots from left to right and writes every level of the tree as it grows, in runs.
class TreeWriter {
 public:
  TreeWriter(NodeStore& tree, std::uint64_t leaves) : tree_(tree), levels_(height(leaves) + 1) {
    for (unsigned level = 0; level < levels_.size(); ++level) {
      levels_[level].next_node = first_node_of_level(level);
      levels_[level].run.reserve(std::min(std::uint64_t{1} << level, kRunHashesMax));
    }
  }

  const NodeHasher& hasher() const { return hasher_; }

  Result<void> push_leaf(const Hash& leaf) {
    Hash hash = leaf;
    for (std::size_t level = levels_.size() - 1;; --level) {
      HF_TRY_VOID(append(levels_[level], hash));
      if (level == 0) {
        root_ = hash;
        return {};
      }
      std::optional<Hash>& left = levels_[level].left;
      if (!left) {
        left = hash;
        return {};
      }
      hash = hasher_.inner(*left, hash);
      left.reset();
    }
  }

  Result<Hash> finish() {
    for (Level& level : levels_) HF_TRY_VOID(flush(level));
    HF_CHECK(root_.has_value());
    return *root_;
  }

 private:
  struct Level {
    std::uint64_t next_node = 0;
    std::vector<Hash> run;
    std::optional<Hash> left;
  };

  Result<void> append(Level& level, const Hash& hash) {
    level.run.push_back(hash);
    if (level.run.size() < kRunHashesMax) return {};
    return flush(level);
  }

  Result<void> flush(Level& level) {
    if (level.run.empty()) return {};
    HF_TRY_VOID(tree_.write(level.next_node, level.run));
    level.next_node += level.run.size();
    level.run.clear();
    return {};
  }

  NodeStore& tree_;
  NodeHasher hasher_;
  std::vector<Level> levels_;  // the root's first
  std::optional<Hash> root_;
};

}  // namespace

NodeHasher::NodeHasher() : inner_(crypto::kTagMerkleInner), filler_(crypto::kTagMerkleEmptyLeaf) {}

Hash NodeHasher::filler_leaf(std::uint64_t slot) const {
  crypto::TaggedHasher hasher = filler_;
  hasher.update(view_of(std::to_string(slot)));
  return hasher.finish();
}

std::vector<Hash> build_tree(std::span<const Hash> leaves) {
  HF_CHECK(!leaves.empty());
  const NodeHasher hasher;
  const std::uint64_t first = first_leaf_node(leaves.size());
  std::vector<Hash> nodes(node_count(leaves.size()));
  std::ranges::copy(leaves, nodes.begin() + static_cast<std::ptrdiff_t>(first));
  for (std::uint64_t slot = leaves.size(); slot <= first; ++slot) nodes[first + slot] = hasher.filler_leaf(slot);
  for (std::uint64_t node = first; node-- > 0;) {
    nodes[node] = hasher.inner(nodes[left_child(node)], nodes[right_child(node)]);
  }
  return nodes;
}

Hash tree_root(std::span<const Hash> leaves) {
  RootBuilder builder;
  for (const Hash& leaf : leaves) builder.push(leaf);
  return builder.finish();
}

Result<Hash> build_tree_into(NodeStore& tree, const LeafRun& leaves) {
  HF_CHECK(leaves.count >= 1 && leaves.count <= kLeavesMax);
  TreeWriter writer(tree, leaves.count);
  std::vector<Hash> run(std::min(leaves.count, kRunHashesMax));
  for (std::uint64_t done = 0; done < leaves.count;) {
    const auto now = std::span(run).first(std::min<std::uint64_t>(run.size(), leaves.count - done));
    HF_TRY_VOID(leaves.store.read(leaves.first + done, now));
    for (const Hash& leaf : now) HF_TRY_VOID(writer.push_leaf(leaf));
    done += now.size();
  }
  for (std::uint64_t slot = leaves.count; slot < pow2_ceil(leaves.count); ++slot) {
    HF_TRY_VOID(writer.push_leaf(writer.hasher().filler_leaf(slot)));
  }
  return writer.finish();
}

void RootBuilder::push(const Hash& leaf) {
  ++count_;
  Hash hash = leaf;
  std::size_t level = 0;
  while (level < waiting_.size() && waiting_[level]) {
    hash = hasher_.inner(*waiting_[level], hash);
    waiting_[level].reset();
    ++level;
  }
  if (level == waiting_.size()) waiting_.emplace_back();
  waiting_[level] = hash;
}

Hash RootBuilder::finish() {
  HF_CHECK(count_ > 0);
  const std::uint64_t slots = pow2_ceil(count_);
  while (count_ < slots) push(hasher_.filler_leaf(count_));
  HF_CHECK(waiting_.back().has_value());
  return *waiting_.back();
}

}  // namespace holdfast::hashtree
