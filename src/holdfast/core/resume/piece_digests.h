// SHA-256 of each piece of 1 MiB of what arrives in order: what a sender compares with its own before it skips anything.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/resume/upload_log.h"

namespace holdfast::resume {

inline std::uint64_t piece_count(std::uint64_t bytes) {
  return (bytes + kPieceBytes - 1) / kPieceBytes;
}

/// Knows the digests of pieces as far as it has seen them; others are told to it by who reads them from the disk. Memory: 33
/// bytes a piece.
class PieceDigests {
 public:
  /// [0, held) is there, but has not been seen: the pieces are unknown, and the last one cannot be continued until it is.
  explicit PieceDigests(std::uint64_t held = 0);

  std::uint64_t size() const { return size_; }
  /// Must be called before update() when the held part ends inside a piece: feed the bytes of that piece that are held.
  bool needs_tail() const { return !tail_known_; }
  void set_tail(ByteView held_of_last_piece);
  /// The next bytes.
  void update(ByteView bytes);
  /// So many bytes were written that nobody shows it: their pieces are unknown.
  void pass_over(std::uint64_t bytes);

  std::uint64_t count() const { return piece_count(size_); }
  /// Nothing: not known.
  std::optional<Hash> at(std::uint64_t piece) const;
  /// A whole piece (or the last one, as long as it is) was read or replaced.
  void set(std::uint64_t piece, ByteView bytes);
  /// What is held of a piece must be read again.
  void forget(std::uint64_t piece);

 private:
  std::uint64_t size_ = 0;
  std::vector<std::optional<Hash>> whole_;  // of full pieces
  std::unique_ptr<crypto::Sha256> tail_;    // of the bytes behind them; nothing: there are none, or it is not known
  bool tail_known_ = true;
};

/// SHA-256 over the concatenated digests: what the completing request of an upload carries.
Hash digest_of_pieces(const std::vector<Hash>& pieces);

}  // namespace holdfast::resume
