// A hash tree as a section of a share holds it: all nodes, root first.
#pragma once

#include <optional>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::immutable {

/// The leaves, when every node of `section` is the one over its own leaves (fillers too) and its root is `root`.
/// `section` has node_count(leaf_count) hashes. Errors: corrupt.
Result<std::vector<Hash>> leaves_of_whole_tree(ByteView section, std::uint64_t leaf_count,
                                               const std::optional<Hash>& root);

}  // namespace holdfast::immutable
