// Reading shares with suspicion: nothing is believed before it is tied to the cap (specs of immutable files, 13).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/cap/key.h"
#include "holdfast/core/erasure/codec.h"
#include "holdfast/core/hashtree/hash_tree_verifier.h"
#include "holdfast/core/immutable/share_layout.h"
#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {

/// What a verify cap says, which is all that is trusted at first.
struct FileClaim {
  Hash ueb_hash;
  unsigned k = 0, n = 0;
  std::uint64_t size = 0;
};

/// What all copies of a file share once one extension block has been proven: geometry, share tree, crypttext tree.
class FileState {
 public:
  explicit FileState(const FileClaim& claim) : claim_(claim) {}

  const FileClaim& claim() const { return claim_; }
  bool is_open() const { return geometry_.has_value(); }
  const Geometry& geometry() const { return *geometry_; }
  const UriExtension& extension() const { return extension_; }
  ByteView extension_bytes() const { return extension_bytes_; }
  hashtree::HashTreeVerifier& shares() { return *shares_; }
  hashtree::HashTreeVerifier& crypttext() { return *crypttext_; }

  /// Errors: corrupt (not the block that the cap binds: that copy is bad); malformed (bound, but unusable: so is the file, or
  /// the cap).
  Result<void> open(ByteView uri_extension);
  /// A block that the cap binds by its hash has another size, k or n than the cap: no copy is at fault.
  bool contradicts_cap() const { return contradicts_cap_; }

 private:
  const FileClaim claim_;
  Bytes extension_bytes_;
  UriExtension extension_;
  std::optional<Geometry> geometry_;
  std::optional<hashtree::HashTreeVerifier> shares_, crypttext_;
  bool contradicts_cap_ = false;
};

/// How many ranges of hashes a reader of few segments asks for at once: one where the trees are small enough to be fetched
/// whole, as they lie side by side; else one of each tree. A guess, for who makes connections ready.
unsigned hash_ranges_expected(const FileClaim& claim);

/// Do blocks that follow each other have their hashes? Knows all that it needs: for a worker thread, while the reader goes on.
struct BlockCheck {
  Geometry geometry;
  SegmentNumber first = 0;
  std::vector<Hash> expected;

  /// Errors: corrupt (some block is bad, or they are not all there).
  Result<void> operator()(ByteView bytes) const;
};

/// One copy of one share. Never blocks: says what it wants, is told bytes. An error of on_* ends this copy: corrupt
/// (tell the server), unsupported (another layout version), malformed (the whole file is unusable).
class ShareReader {
 public:
  ShareReader(FileState& file, ShareNumber share) : file_(file), share_(share) {}

  ShareNumber share() const { return share_; }
  bool is_open() const { return block_tree_.has_value(); }
  const ShareOffsets& offsets() const { return *offsets_; }  // after on_header
  const Hash& block_root() const { return block_root_; }     // when open: as the share tree proves it

  /// To open: these ranges (the tail's place is guessed from the claim, and known after the header).
  Range header_range() const { return {0, kHeaderBytesV2}; }
  Range tail_range() const;
  Result<void> on_header(ByteView bytes);
  /// `bytes` begin at tail_range().begin as it is after on_header, and may be short of its end.
  Result<void> on_tail(ByteView bytes);
  /// The same before there is a header: opens when the share is laid out as every known writer does it, which the proof of
  /// these bytes shows. It spares a round trip. False: the header is needed.
  bool open_without_header(ByteView tail);

  /// When open: bytes of tree nodes that are missing for segments [first, end), in two sections of the share.
  RangeSet wanted_nodes(SegmentNumber first, SegmentNumber end);
  Result<void> on_nodes(std::uint64_t offset, ByteView bytes);
  /// All nodes wanted have been given: prove them. `crypttext_too`: this copy was asked for those as well.
  Result<void> settle_nodes();

  Range block_range(SegmentNumber first, SegmentNumber end) const;
  /// Errors: corrupt (this block is bad).
  Result<void> check_block(SegmentNumber segment, ByteView block);

  /// The same for all blocks of segments [first, end). Errors: corrupt (a hash is missing).
  Result<BlockCheck> block_check(SegmentNumber first, SegmentNumber end) const;

  /// Forgets tree nodes that a sequential reader has passed.
  void forget_before(SegmentNumber segment);

 private:
  std::optional<ShareOffsets> guess() const;
  FileState& file_;
  const ShareNumber share_;
  std::optional<ShareOffsets> offsets_;
  std::optional<hashtree::HashTreeVerifier> block_tree_;
  Hash block_root_;
  std::vector<hashtree::NumberedHash> crypttext_nodes_, block_nodes_;
};

/// Turns k blocks into one verified, decrypted segment. A value; const, for worker threads.
class SegmentDecoder {
 public:
  /// Without a key it yields ciphertext (repair).
  SegmentDecoder(const Geometry& geometry, const cap::Key* key);
  /// Errors: corrupt: valid blocks that decode to something else, so the file itself is bad (13.4).
  Result<Buffer> decode(SegmentNumber segment, const std::vector<ShareNumber>& shares,
                        const std::vector<ByteView>& blocks, const Hash& expected) const;
  /// Segments [first, first + expected.size()): blocks[i] are those of shares[i], one after another. All at once, since
  /// many hashes cost less than one after another.
  Result<std::vector<Buffer>> decode_run(SegmentNumber first, const std::vector<ShareNumber>& shares,
                                         const std::vector<ByteView>& blocks, const std::vector<Hash>& expected) const;
  /// Is this plaintext the segment that the tree names? (part files)
  bool plaintext_is(SegmentNumber segment, Buffer plaintext, const Hash& expected) const;

  /// Hashes of blocks that follow each other, of segments [first, end).
  static std::vector<Hash> block_hashes(const Geometry& geometry, SegmentNumber first, SegmentNumber end,
                                        ByteView bytes);

 private:
  Result<Buffer> join(SegmentNumber segment, const std::vector<ShareNumber>& shares,
                      const std::vector<ByteView>& blocks) const;
  void decrypt(SegmentNumber segment, Buffer& bytes) const;
  Geometry geometry_;
  erasure::Codec codec_;
  std::optional<cap::Key> key_;
};

}  // namespace holdfast::immutable
