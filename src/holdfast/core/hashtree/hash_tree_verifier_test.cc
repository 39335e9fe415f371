#include "holdfast/core/hashtree/hash_tree_verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "support/vectors.h"

namespace holdfast::hashtree {
namespace {

std::vector<Hash> sample_tree(std::uint64_t leaves) {
  std::vector<Hash> out;
  for (std::uint64_t i = 0; i < leaves; ++i) out.push_back(crypto::sha256(view_of("leaf " + std::to_string(i))));
  return build_tree(out);
}

std::vector<NumberedHash> pick(const std::vector<Hash>& tree, const std::vector<std::uint64_t>& nodes) {
  std::vector<NumberedHash> out;
  out.reserve(nodes.size());
  for (std::uint64_t node : nodes) out.push_back({node, tree.at(node)});
  return out;
}

HashTreeVerifier rooted(const std::vector<Hash>& tree, std::uint64_t leaves) {
  HashTreeVerifier verifier(leaves);
  verifier.set_root(tree[0]);
  return verifier;
}

TEST(HashTreeVerifier, needs_the_siblings_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "merkle")) {
    const std::uint64_t leaves = test::number(each, "num_leaves");
    HashTreeVerifier verifier(leaves);
    std::vector<std::uint64_t> expected;
    for (const auto& node : test::list(each, "needed_for_leaf_last"))
      expected.push_back(node.to_number<std::uint64_t>());
    EXPECT_EQ(verifier.needed(leaves - 1, false), expected);
    expected.push_back(leaf_node(leaves, leaves - 1));
    std::ranges::sort(expected);
    EXPECT_EQ(verifier.needed(leaves - 1, true), expected);
  }
}

TEST(HashTreeVerifier, validates_every_leaf_with_what_it_says_it_needs) {
  for (std::uint64_t leaves : {1u, 2u, 3u, 5u, 8u, 13u, 64u}) {
    const auto tree = sample_tree(leaves);
    std::mt19937 random(static_cast<unsigned>(leaves));
    HashTreeVerifier verifier = rooted(tree, leaves);
    for (std::uint64_t step = 0; step < 2 * leaves; ++step) {
      const std::uint64_t i = random() % leaves;
      ASSERT_TRUE(verifier.add(pick(tree, verifier.needed(i, true))));
      EXPECT_EQ(verifier.leaf(i), tree[leaf_node(leaves, i)]);
      EXPECT_TRUE(verifier.needed(i, true).empty());
    }
  }
}

TEST(HashTreeVerifier, accepts_the_whole_tree_in_any_order) {
  const auto tree = sample_tree(11);
  std::vector<std::uint64_t> all(tree.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  std::mt19937 random(1);
  for (int round = 0; round < 10; ++round) {
    std::ranges::shuffle(all, random);
    HashTreeVerifier verifier = rooted(tree, 11);
    ASSERT_TRUE(verifier.add(pick(tree, all)));
    EXPECT_EQ(verifier.known_count(), tree.size());
  }
}

TEST(HashTreeVerifier, accepts_repeated_nodes_and_the_root_itself) {
  const auto tree = sample_tree(8);
  HashTreeVerifier verifier = rooted(tree, 8);
  EXPECT_TRUE(verifier.add(pick(tree, {8, 7, 4, 2, 7, 8, 0, 2})));
  EXPECT_TRUE(verifier.add(pick(tree, {8, 7, 0})));
  EXPECT_TRUE(verifier.add({}));
}

TEST(HashTreeVerifier, believes_nothing_without_a_root) {
  const auto tree = sample_tree(4);
  HashTreeVerifier verifier(4);
  EXPECT_FALSE(verifier.has_root());
  EXPECT_EQ(verifier.add(pick(tree, {0, 1, 2, 3, 4, 5, 6})).error().code, Errc::corrupt);
  EXPECT_EQ(verifier.known_count(), 0u);
  verifier.set_root(tree[0]);
  EXPECT_TRUE(verifier.has_root());
  EXPECT_TRUE(verifier.add(pick(tree, {0, 1, 2, 3, 4, 5, 6})));
}

TEST(HashTreeVerifier, knows_the_only_leaf_by_its_root) {
  const auto tree = sample_tree(1);
  HashTreeVerifier verifier = rooted(tree, 1);
  EXPECT_EQ(verifier.leaf(0), tree[0]);
  EXPECT_TRUE(verifier.needed(0, true).empty());
  EXPECT_TRUE(verifier.add(pick(tree, {0})));
  const NumberedHash wrong{0, crypto::sha256({})};
  EXPECT_FALSE(verifier.add({&wrong, 1}));
  verifier.forget_leaves_before(1);
  EXPECT_TRUE(verifier.has_root());
}

TEST(HashTreeVerifier, changes_nothing_when_any_single_bit_is_wrong) {
  const std::uint64_t leaves = 13;
  const auto tree = sample_tree(leaves);
  std::mt19937 random(4);
  for (int round = 0; round < 300; ++round) {
    HashTreeVerifier verifier = rooted(tree, leaves);
    if (round % 2 == 0) {
      ASSERT_TRUE(verifier.add(pick(tree, verifier.needed(random() % leaves, true))));
    }
    const std::size_t before = verifier.known_count();
    auto nodes = pick(tree, verifier.needed(random() % leaves, true));
    const auto more = pick(tree, verifier.needed(random() % leaves, true));
    nodes.insert(nodes.end(), more.begin(), more.end());
    if (nodes.empty()) continue;
    NumberedHash& victim = nodes[random() % nodes.size()];
    victim.hash.bytes[random() % 32] ^= static_cast<std::uint8_t>(1u << random() % 8);
    const auto added = verifier.add(nodes);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, Errc::corrupt);
    EXPECT_EQ(verifier.known_count(), before);
  }
}

TEST(HashTreeVerifier, refuses_nodes_outside_the_tree) {
  const auto tree = sample_tree(4);
  HashTreeVerifier verifier = rooted(tree, 4);
  for (std::uint64_t node : {std::uint64_t{7}, std::uint64_t{500}, ~std::uint64_t{0}}) {
    auto nodes = pick(tree, {3, 4, 2});
    nodes.push_back({node, tree[0]});
    EXPECT_FALSE(verifier.add(nodes)) << node;
  }
  EXPECT_EQ(verifier.known_count(), 1u);
}

TEST(HashTreeVerifier, refuses_a_node_whose_sibling_is_missing) {
  const auto tree = sample_tree(8);
  HashTreeVerifier verifier = rooted(tree, 8);
  const auto whole = verifier.needed(3, true);
  for (std::size_t left_out = 0; left_out < whole.size(); ++left_out) {
    auto nodes = whole;
    nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(left_out));
    EXPECT_FALSE(verifier.add(pick(tree, nodes))) << left_out;
  }
  EXPECT_FALSE(verifier.add(pick(tree, {1})));
}

TEST(HashTreeVerifier, refuses_a_wrong_inner_node_that_it_could_compute) {
  const auto tree = sample_tree(8);
  HashTreeVerifier verifier = rooted(tree, 8);
  auto nodes = pick(tree, {7, 8, 4, 2, 3});
  EXPECT_TRUE(rooted(tree, 8).add(nodes));
  nodes.back().hash = tree[2];
  EXPECT_FALSE(verifier.add(nodes));
  nodes.back() = {4, tree[2]};  // the same place with two values
  EXPECT_FALSE(verifier.add(nodes));
}

TEST(HashTreeVerifier, refuses_swapped_siblings_and_trees_of_another_size) {
  const auto tree = sample_tree(8);
  HashTreeVerifier verifier = rooted(tree, 8);
  auto nodes = pick(tree, {7, 8, 4, 2});
  std::swap(nodes[0].hash, nodes[1].hash);
  EXPECT_FALSE(verifier.add(nodes));
  EXPECT_FALSE(rooted(tree, 16).add(pick(tree, {7, 8, 4, 2, 0, 15 - 1, 13})));
}

TEST(HashTreeVerifier, stays_small_for_a_sequential_reader_of_a_large_tree) {
  const std::uint64_t leaves = 5000;
  const auto tree = sample_tree(leaves);
  HashTreeVerifier verifier = rooted(tree, leaves);
  std::size_t most = 0;
  std::size_t fetched = 0;
  for (std::uint64_t i = 0; i < leaves; ++i) {
    const auto needed = verifier.needed(i, true);
    fetched += needed.size();
    ASSERT_TRUE(verifier.add(pick(tree, needed)));
    verifier.forget_leaves_before(i);
    ASSERT_EQ(verifier.leaf(i), tree[leaf_node(leaves, i)]);
    most = std::max(most, verifier.known_count());
  }
  EXPECT_LE(most, 4 * 13u);
  EXPECT_LE(fetched, 2 * leaves) << "forgetting must not make a sequential reader ask twice";
  verifier.forget_leaves_before(leaves);
  EXPECT_LE(verifier.known_count(), 2 * 13u + 1);
}

TEST(HashTreeVerifier, keeps_what_lies_ahead_when_it_forgets) {
  const auto tree = sample_tree(64);
  std::vector<std::uint64_t> all(tree.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  for (std::uint64_t i = 0; i <= 64; ++i) {
    HashTreeVerifier verifier = rooted(tree, 64);
    ASSERT_TRUE(verifier.add(pick(tree, all)));
    verifier.forget_leaves_before(i);
    for (std::uint64_t j = i; j < 64; ++j) {
      EXPECT_TRUE(verifier.leaf(j));
      for (std::uint64_t node : path_siblings(64, j)) EXPECT_TRUE(verifier.knows(node));
    }
    // Left of i, of the leaves only its own sibling.
    for (std::uint64_t j = 0; j + 1 < i; ++j) {
      EXPECT_FALSE(verifier.leaf(j)) << j << " before " << i;
    }
  }
}

TEST(HashTreeVerifier, stays_small_and_right_whatever_the_order_of_reading) {
  const std::uint64_t leaves = 1000;
  const auto tree = sample_tree(leaves);
  HashTreeVerifier verifier = rooted(tree, leaves);
  std::mt19937 random(9);
  for (int step = 0; step < 3000; ++step) {
    const std::uint64_t i = random() % leaves;
    ASSERT_TRUE(verifier.add(pick(tree, verifier.needed(i, true))));
    ASSERT_EQ(verifier.leaf(i), tree[leaf_node(leaves, i)]);
    if (random() % 10 == 0) verifier.forget_leaves_before(random() % (leaves + 1));
  }
  verifier.forget_leaves_before(leaves);
  EXPECT_LE(verifier.known_count(), 2 * 10u + 1);
}

TEST(HashTreeVerifier, takes_no_memory_for_leaves_it_has_not_seen) {
  HashTreeVerifier verifier(kLeavesMax);
  verifier.set_root(crypto::sha256({}));
  EXPECT_EQ(verifier.needed(kLeavesMax - 1, false).size(), 62u);
  verifier.forget_leaves_before(kLeavesMax);
  EXPECT_EQ(verifier.known_count(), 1u);
}

}  // namespace
}  // namespace holdfast::hashtree
