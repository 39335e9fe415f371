// What the grid has under a storage index, for who has no cap: shares, and the extension blocks that they carry.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "holdfast/core/immutable/geometry.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::transfer {

/// Copies with the same extension block. By the word of their servers: nothing of a block has been read.
struct Holding {
  Bytes uri_extension;
  std::map<ShareNumber, std::set<grid::StorageServer*>> shares;

  unsigned happiness() const;
};

/// Asks the first 2N servers of the permuted order, each for at most `silence`, and reads the extension block of every share.
/// Only blocks that fit this geometry are told of; the largest holding first. Never fails: who does not answer has nothing.
io::Task<std::vector<Holding>> look_at_grid(const Context& context, StorageIndex si, immutable::Geometry geometry,
                                            io::Duration silence);

}  // namespace holdfast::transfer
