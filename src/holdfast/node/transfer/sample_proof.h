// For who has not encoded the file: one segment, of which every share that counts must have the block that is made of it.
#pragma once

#include "holdfast/node/transfer/share_copy.h"

namespace holdfast::transfer {

/// The segment is drawn when whoever made the shares has shown their extension block, so that it cannot be known before.
/// That block has the right hashes of the ciphertext; here its shares are tied to it, and to the file in this one place.
class SampleProof {
 public:
  /// `blocks`: hashes of what this segment gives for each share.
  SampleProof(const Context& context, Link& link, const StorageIndex& si, const immutable::FileClaim& claim,
              SegmentNumber segment, std::vector<Hash> blocks)
      : context_(context), link_(link), si_(si), file_(claim), segment_(segment), blocks_(std::move(blocks)) {}

  /// Reads extension block, chain and block of one copy. Errors: corrupt (it is told so, and named), or why it could not
  /// be read.
  io::Task<Result<void>> prove(grid::StorageServer& server, ShareNumber share);

 private:
  const Context& context_;
  Link& link_;
  const StorageIndex si_;
  immutable::FileState file_;
  const SegmentNumber segment_;
  const std::vector<Hash> blocks_;
};

}  // namespace holdfast::transfer
