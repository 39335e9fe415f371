// A file or directory of the disk in memory: what is written, and what of it is durable.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/core/base/random.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/edge/io/file_system.h"

namespace holdfast::io {

struct MemoryNode {
  static constexpr std::uint64_t kSector = 512;

  // A change of a file: `data` at `offset`, or the new size `offset`.
  struct Change {
    bool resize = false;
    std::uint64_t offset = 0;
    Bytes data;
    std::uint64_t size_after(std::uint64_t size) const {
      if (resize) return offset;
      return size > offset + data.size() ? size : offset + data.size();
    }
  };

  std::uint64_t inode = 0;
  bool is_directory = false;
  unsigned permissions = 0;
  std::int64_t changed_ns = 0;

  Bytes content, durable;
  std::vector<Change> pending;  // in `content`, not yet in `durable`
  RangeSet sectors;             // allocated

  std::map<std::string, std::shared_ptr<MemoryNode>> entries, durable_entries;

  /// The sectors that bytes lie in.
  static RangeSet sectors_of(Range bytes);

  FileInfo info() const;
  /// Of this and everything below.
  std::uint64_t allocated_bytes() const;

  void apply(Change change);
  void sync();
  /// This and everything below.
  void sync_below();
  /// Of the pending changes some become durable, sector by sector; the others never will.
  void tear(Random& random);
  /// What is durable is what is read from now on. Nothing may be pending.
  void forget_cached();
  /// What is durable, here and below, is all there is.
  void come_back(Random& random);
};

}  // namespace holdfast::io
