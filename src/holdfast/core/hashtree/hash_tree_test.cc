#include "holdfast/core/hashtree/hash_tree.h"

#include <gtest/gtest.h>

#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "support/vectors.h"

namespace holdfast::hashtree {
namespace {

std::string hex(const Hash& hash) {
  return to_hex(hash.view());
}

// The leaf rule of the vectors.
std::vector<Hash> sample_leaves(std::uint64_t count) {
  std::vector<Hash> out;
  for (std::uint64_t i = 0; i < count; ++i) {
    out.push_back(crypto::tagged_hash(crypto::kTagBlock, view_of(std::to_string(i))));
  }
  return out;
}

Bytes serialised(std::span<const Hash> nodes) {
  Bytes out;
  for (const Hash& node : nodes) append(out, node.view());
  return out;
}

TEST(TreeIndex, numbers_nodes_breadth_first) {
  EXPECT_EQ(pow2_ceil(1), 1u);
  EXPECT_EQ(pow2_ceil(5), 8u);
  EXPECT_EQ(node_count(5), 15u);
  EXPECT_EQ(leaf_node(5, 0), 7u);
  EXPECT_EQ(leaf_node(1, 0), 0u);
  EXPECT_EQ(height(1), 0u);
  EXPECT_EQ(height(5), 3u);
  EXPECT_EQ(path_siblings(5, 4), (std::vector<std::uint64_t>{12, 6, 1}));
  EXPECT_TRUE(path_siblings(1, 0).empty());
}

TEST(TreeIndex, leads_from_every_node_up_and_down) {
  for (std::uint64_t node = 1; node < 1000; ++node) {
    EXPECT_TRUE(left_child(parent(node)) == node || right_child(parent(node)) == node);
    EXPECT_EQ(sibling(sibling(node)), node);
    EXPECT_EQ(parent(sibling(node)), parent(node));
    EXPECT_EQ(level_of(node), level_of(parent(node)) + 1);
    EXPECT_GE(node, first_node_of_level(level_of(node)));
    EXPECT_LT(node, first_node_of_level(level_of(node) + 1));
  }
}

TEST(TreeIndex, works_for_the_largest_tree) {
  EXPECT_EQ(node_count(kLeavesMax), (std::uint64_t{1} << 63) - 1);
  EXPECT_EQ(path_siblings(kLeavesMax, kLeavesMax - 1).size(), 62u);
  EXPECT_EQ(level_of(leaf_node(kLeavesMax, kLeavesMax - 1)), 62u);
}

TEST(ChainNodes, are_those_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "chains")) {
    std::vector<std::uint64_t> expected;
    for (const auto& node : test::list(each, "ascending")) expected.push_back(node.to_number<std::uint64_t>());
    EXPECT_EQ(chain_nodes(test::number(each, "total"), test::number(each, "shnum")), expected);
  }
}

TEST(NodeHasher, gives_the_filler_leaves_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  const NodeHasher hasher;
  for (const auto& each : test::list(*primitives, "empty_leaf")) {
    EXPECT_EQ(hex(hasher.filler_leaf(test::number(each, "leaf_index"))), test::text(each, "hash_hex"));
  }
}

TEST(HashTree, is_that_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "merkle")) {
    const std::vector<Hash> leaves = sample_leaves(test::number(each, "num_leaves"));
    const std::vector<Hash> nodes = build_tree(leaves);
    EXPECT_EQ(nodes.size(), test::number(each, "num_nodes"));
    EXPECT_EQ(hex(nodes[0]), test::text(each, "root_hex"));
    EXPECT_EQ(hex(tree_root(leaves)), test::text(each, "root_hex"));
    EXPECT_EQ(hex(crypto::sha256(serialised(nodes))), test::text(each, "nodes_sha256"));
  }
}

TEST(HashTree, is_that_of_real_nodes) {
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!derivations) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*derivations, "hashtree")) {
    std::vector<Hash> leaves;
    for (const auto& leaf : test::list(each, "leaves_hex"))
      leaves.push_back(Hash::from(test::from_hex(leaf.as_string())));
    const std::vector<Hash> nodes = build_tree(leaves);
    const auto& expected = test::list(each, "nodes_hex");
    ASSERT_EQ(nodes.size(), expected.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) EXPECT_EQ(hex(nodes[i]), std::string(expected[i].as_string()));
  }
}

TEST(HashTree, is_the_same_whole_streamed_and_as_root_only) {
  for (std::uint64_t count : {1u, 2u, 3u, 4u, 5u, 8u, 9u, 31u, 32u, 33u, 511u, 512u, 513u, 1025u, 3000u}) {
    const std::vector<Hash> leaves = sample_leaves(count);
    const std::vector<Hash> nodes = build_tree(leaves);
    EXPECT_EQ(tree_root(leaves), nodes[0]) << count;

    MemoryNodeStore leaf_store;
    ASSERT_TRUE(leaf_store.write(7, leaves));
    MemoryNodeStore tree;
    const auto root = build_tree_into(tree, leaf_store, 7, count);
    ASSERT_TRUE(root);
    EXPECT_EQ(*root, nodes[0]) << count;
    EXPECT_EQ(std::vector<Hash>(tree.hashes().begin(), tree.hashes().end()), nodes) << count;
  }
}

// Fails operation number `fail_at`, and remembers the longest run.
class FailingStore final : public NodeStore {
 public:
  explicit FailingStore(int fail_at) : left_(fail_at) {}
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    HF_TRY_VOID(tick(hashes.size()));
    return store_.write(first, hashes);
  }
  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    HF_TRY_VOID(tick(hashes.size()));
    return store_.read(first, hashes);
  }
  std::size_t longest() const { return longest_; }
  bool failed() const { return left_ < 0; }

 private:
  Result<void> tick(std::size_t hashes) const {
    longest_ = std::max(longest_, hashes);
    if (left_-- == 0) return fail(Errc::no_space, "full");
    return {};
  }
  MemoryNodeStore store_;
  mutable int left_;
  mutable std::size_t longest_ = 0;
};

TEST(HashTree, passes_on_every_failure_of_a_store) {
  MemoryNodeStore leaves;
  ASSERT_TRUE(leaves.write(0, sample_leaves(1100)));
  bool succeeded = false;
  for (int fail_at = 0; !succeeded; ++fail_at) {
    ASSERT_LT(fail_at, 100);
    FailingStore tree(fail_at);
    const auto root = build_tree_into(tree, leaves, 0, 1100);
    EXPECT_EQ(root.has_value(), !tree.failed());
    EXPECT_LE(tree.longest(), 512u);
    succeeded = root.has_value();
    if (!root) {
      EXPECT_EQ(root.error().code, Errc::no_space);
    }
  }
}

TEST(HashTree, reports_leaves_that_are_not_there) {
  MemoryNodeStore leaves;
  ASSERT_TRUE(leaves.write(0, sample_leaves(10)));
  MemoryNodeStore tree;
  const auto root = build_tree_into(tree, leaves, 5, 6);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().code, Errc::io);
}

}  // namespace
}  // namespace holdfast::hashtree
