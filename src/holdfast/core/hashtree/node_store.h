// The port for runs of hashes that may be too many for memory: leaves, or the nodes of a tree.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::hashtree {

/// Hashes by number. What was written can be read; reading anything else is an error (io) or gives any bytes.
class NodeStore {
 public:
  virtual ~NodeStore() = default;
  virtual Result<void> write(std::uint64_t first, std::span<const Hash> hashes) = 0;
  virtual Result<void> read(std::uint64_t first, std::span<Hash> hashes) const = 0;
};

/// Grows as it is written; room for `expected` is made at once.
class MemoryNodeStore final : public NodeStore {
 public:
  explicit MemoryNodeStore(std::size_t expected = 0) { hashes_.reserve(expected); }
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override;
  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override;

  std::span<const Hash> hashes() const { return hashes_; }

 private:
  std::vector<Hash> hashes_;
};

}  // namespace holdfast::hashtree
