// Where things are in a hash tree (specs of immutable files, 8.1).
//
// A tree over n leaves has P = pow2_ceil(n) leaf slots and 2P-1 nodes, numbered breadth-first:
//
//              0            node i has the children 2i+1 and 2i+2;
//          1       2        leaf slot j is node P-1+j
//        3   4   5   6
//
// n is at least 1 and at most kLeavesMax: callers bound what comes from outside.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "holdfast/core/base/check.h"

namespace holdfast::hashtree {

inline constexpr std::uint64_t kLeavesMax = std::uint64_t{1} << 62;

constexpr std::uint64_t pow2_ceil(std::uint64_t n) {
  return std::bit_ceil(n);
}
constexpr std::uint64_t node_count(std::uint64_t leaves) {
  return 2 * pow2_ceil(leaves) - 1;
}
constexpr std::uint64_t first_leaf_node(std::uint64_t leaves) {
  return pow2_ceil(leaves) - 1;
}
constexpr std::uint64_t leaf_node(std::uint64_t leaves, std::uint64_t i) {
  return first_leaf_node(leaves) + i;
}

constexpr std::uint64_t left_child(std::uint64_t node) {
  return 2 * node + 1;
}
constexpr std::uint64_t right_child(std::uint64_t node) {
  return 2 * node + 2;
}
/// Neither is for the root.
constexpr std::uint64_t parent(std::uint64_t node) {
  return (node - 1) / 2;
}
constexpr std::uint64_t sibling(std::uint64_t node) {
  return node % 2 == 1 ? node + 1 : node - 1;
}

/// 0 for the root, 1 for its children, ...
constexpr unsigned level_of(std::uint64_t node) {
  return static_cast<unsigned>(std::bit_width(node + 1)) - 1;
}
constexpr std::uint64_t first_node_of_level(unsigned level) {
  return (std::uint64_t{1} << level) - 1;
}
/// How many levels there are below the root.
constexpr unsigned height(std::uint64_t leaves) {
  return level_of(first_leaf_node(leaves));
}

/// The siblings of all nodes on the way from leaf i to the root, lowest first: height(leaves) nodes.
std::vector<std::uint64_t> path_siblings(std::uint64_t leaves, std::uint64_t i);

/// The nodes of the share hash chain of share i of n, ascending: its leaf and the siblings on its path, and
/// node 0 only when it is the leaf (specs of immutable files, 8.3).
std::vector<std::uint64_t> chain_nodes(std::uint64_t n, std::uint64_t share);

}  // namespace holdfast::hashtree
