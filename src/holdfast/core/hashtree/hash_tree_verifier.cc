#include "holdfast/core/hashtree/hash_tree_verifier.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::hashtree {

HashTreeVerifier::HashTreeVerifier(std::uint64_t leaf_count) : leaf_count_(leaf_count) {
  HF_CHECK(leaf_count >= 1 && leaf_count <= kLeavesMax);
}

void HashTreeVerifier::set_root(const Hash& root) {
  const auto [it, inserted] = known_.emplace(0, root);
  HF_CHECK(inserted || it->second == root);
}

const Hash* HashTreeVerifier::find(std::uint64_t node) const {
  const auto it = known_.find(node);
  return it == known_.end() ? nullptr : &it->second;
}

std::optional<Hash> HashTreeVerifier::node(std::uint64_t node) const {
  const Hash* hash = find(node);
  return hash ? std::optional<Hash>(*hash) : std::nullopt;
}

std::optional<Hash> HashTreeVerifier::leaf(std::uint64_t i) const {
  HF_CHECK(i < leaf_count_);
  return node(leaf_node(leaf_count_, i));
}

Result<void> HashTreeVerifier::add(std::span<const NumberedHash> nodes) {
  if (!has_root()) return fail(Errc::corrupt, "hashes without a trusted root to prove them");
  HF_TRY(const std::vector<NumberedHash> given, unknown_sorted(nodes));
  HF_TRY(const std::vector<NumberedHash> accepted, proven(given));
  for (const NumberedHash& each : accepted) {
    known_.emplace(each.node, each.hash);
    note_added(each.node);
  }
  return {};
}

// The nodes not known yet, deepest first, each once.
Result<std::vector<NumberedHash>> HashTreeVerifier::unknown_sorted(std::span<const NumberedHash> nodes) const {
  std::vector<NumberedHash> out;
  for (const NumberedHash& each : nodes) {
    if (each.node >= node_count(leaf_count_)) return fail(Errc::corrupt, "a hash outside its tree");
    const Hash* known = find(each.node);
    if (!known) {
      out.push_back(each);
    } else if (*known != each.hash) {
      return fail(Errc::corrupt, "a hash that contradicts a validated one");
    }
  }
  std::ranges::sort(out, std::ranges::greater{}, &NumberedHash::node);
  for (std::size_t i = 1; i < out.size(); ++i) {
    if (out[i].node == out[i - 1].node && out[i].hash != out[i - 1].hash) {
      return fail(Errc::corrupt, "two different hashes for one place");
    }
  }
  const auto same = [](const NumberedHash& a, const NumberedHash& b) { return a.node == b.node; };
  out.erase(std::unique(out.begin(), out.end(), same), out.end());
  return out;
}

// Goes from the deepest node upwards. Parents come out in descending order too, so merging the two queues
// visits every provisional node after all those below it, and a node's sibling right after it.
Result<std::vector<NumberedHash>> HashTreeVerifier::proven(const std::vector<NumberedHash>& given) const {
  std::vector<NumberedHash> computed;
  std::vector<NumberedHash> merged;
  std::size_t next_given = 0;
  std::size_t next_computed = 0;
  const auto next_node = [&]() -> std::optional<std::uint64_t> {
    if (next_given == given.size() && next_computed == computed.size()) return std::nullopt;
    if (next_given == given.size()) return computed[next_computed].node;
    if (next_computed == computed.size()) return given[next_given].node;
    return std::max(given[next_given].node, computed[next_computed].node);
  };
  // Takes the node from whichever queue has it. In both, the two must agree.
  const auto take = [&](std::uint64_t node) -> Result<Hash> {
    const NumberedHash* a = next_given < given.size() && given[next_given].node == node ? &given[next_given] : nullptr;
    const NumberedHash* b =
        next_computed < computed.size() && computed[next_computed].node == node ? &computed[next_computed] : nullptr;
    if (a) ++next_given;
    if (b) ++next_computed;
    if (a && b && a->hash != b->hash) return fail(Errc::corrupt, "a hash that does not match those below it");
    const NumberedHash taken = a ? *a : *b;
    merged.push_back(taken);
    return taken.hash;
  };

  while (const auto node = next_node()) {
    HF_TRY(const Hash hash, take(*node));
    const std::uint64_t other_node = sibling(*node);
    Hash other;
    if (next_node() == other_node) {
      HF_TRY(other, take(other_node));
    } else if (const Hash* known = find(other_node)) {
      other = *known;
    } else {
      return fail(Errc::corrupt, "a hash without the sibling that would prove it");
    }
    const bool is_left = *node < other_node;
    const Hash above = is_left ? hasher_.inner(hash, other) : hasher_.inner(other, hash);
    const Hash* known = find(parent(*node));
    if (!known) {
      computed.push_back({parent(*node), above});
    } else if (*known != above) {
      return fail(Errc::corrupt, "a hash that does not lead to the validated one above it");
    }
  }
  return merged;
}

std::vector<std::uint64_t> HashTreeVerifier::needed(std::uint64_t leaf, bool include_leaf) const {
  HF_CHECK(leaf < leaf_count_);
  std::vector<std::uint64_t> out;
  std::uint64_t node = leaf_node(leaf_count_, leaf);
  if (knows(node)) return out;
  if (include_leaf) out.push_back(node);
  for (; node != 0 && !knows(node); node = parent(node)) {
    if (!knows(sibling(node))) out.push_back(sibling(node));
  }
  std::ranges::sort(out);
  return out;
}

void HashTreeVerifier::forget_leaves_before(std::uint64_t i) {
  HF_CHECK(i <= leaf_count_);
  // Going back, nothing is known about what was added in between: look at everything.
  std::uint64_t old_path = leaf_node(leaf_count_, i < forgotten_before_ ? 0 : forgotten_before_);
  std::uint64_t new_path = leaf_node(leaf_count_, i);
  for (unsigned level = height(leaf_count_); level > 0; --level) {
    forget_level(level, old_path, new_path);
    old_path = parent(old_path);
    new_path = parent(new_path);
  }
  forgotten_before_ = i;
}

// A node that lies wholly in the forgotten part makes the next forgetting begin there again.
void HashTreeVerifier::note_added(std::uint64_t node) {
  const unsigned level = level_of(node);
  const unsigned below = height(leaf_count_) - level;
  const std::uint64_t place = node - first_node_of_level(level);
  if (((place + 1) << below) <= forgotten_before_) forgotten_before_ = place << below;
}

// Of one level, drops what lies left of the path and was not dropped before, save the path's own left
// sibling.
void HashTreeVerifier::forget_level(unsigned level, std::uint64_t old_path, std::uint64_t new_path) {
  const std::uint64_t first = first_node_of_level(level);
  const std::uint64_t begin = old_path > first ? old_path - 1 : first;
  const bool is_right_child = new_path % 2 == 0;
  const std::uint64_t end = is_right_child ? new_path - 1 : new_path;
  if (begin >= end) return;
  if (end - begin <= known_.size()) {
    for (std::uint64_t node = begin; node < end; ++node) known_.erase(node);
  } else {
    std::erase_if(known_, [&](const auto& entry) { return entry.first >= begin && entry.first < end; });
  }
}

}  // namespace holdfast::hashtree
