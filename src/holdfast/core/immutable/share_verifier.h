// Verifying one whole share against a verify cap (specs of immutable files, 14).
#pragma once

#include <optional>

#include "holdfast/core/immutable/share_reader.h"

namespace holdfast::immutable {

/// Never blocks: says which range it wants next, is told the bytes. Unlike a reader it wants every node of both trees
/// and every redundant field right; block root, share tree and UEB are tied to the cap before a block is looked at.
/// Memory: one tree and the leaves of the other, and what next() asks for at once.
class ShareVerifier {
 public:
  ShareVerifier(const FileClaim& claim, ShareNumber share) : file_(claim), reader_(file_, share) {}

  /// Nothing when the whole share has been found good. Ranges ask for at most kPieceBytes or one block.
  std::optional<Range> next() const;
  /// The bytes of next(); fewer where the share ends. Errors: corrupt; unsupported (layout version).
  Result<void> on_bytes(ByteView bytes);

  static constexpr std::uint64_t kPieceBytes = 4 * 1'048'576;

 private:
  enum class Stage { header, tail, crypttext_tree, block_tree, blocks, done };
  std::uint64_t tree_begin() const;
  SegmentNumber blocks_end() const;
  Result<void> on_tail(ByteView bytes);
  Result<void> on_tree_piece(ByteView bytes);
  Result<void> on_blocks(ByteView bytes);

  FileState file_;
  ShareReader reader_;
  Stage stage_ = Stage::header;
  Bytes tree_;  // as far as it has come
  std::vector<Hash> block_leaves_;
  SegmentNumber segment_ = 0;
};

}  // namespace holdfast::immutable
