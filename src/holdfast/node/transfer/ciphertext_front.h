// The client's own pass over a file that goes through a helper: gives the ciphertext out, and learns on the way what the
// helper's work will be held against.
#pragma once

#include "holdfast/node/grid/storage_server.h"
#include "holdfast/node/transfer/piece_digests.h"
#include "holdfast/node/transfer/prepared_upload.h"
#include "holdfast/node/transfer/progress.h"
#include "holdfast/node/transfer/segment_pipeline.h"

namespace holdfast::transfer {

class CiphertextFront {
 public:
  /// A full proof encodes and hashes all shares, and keeps none; a sample needs the hashes of the ciphertext only.
  /// `original` (full): an extension block of an old uploader, kept byte for byte where the roots agree.
  CiphertextFront(const Context& context, const Prepared& prepared, Proof proof, std::optional<Bytes> original);

  /// To the end of the file, no further than a window ahead of where it is held. Errors: those of the source; corrupt when
  /// the roots differ from the original's.
  io::Task<Result<void>> run() { return pipeline_.run(); }
  /// Holds the pass at this byte, or further on: what comes next is about to be sent.
  void hold_at(std::uint64_t offset);
  /// Nothing more is sent for now.
  void let_go();

  /// Waits for the end: from then on what is below is known, and the file proven.
  io::Task<Result<void>> finished() { return pipeline_.finished(); }
  const std::optional<Error>& failure() const { return pipeline_.failure(); }

  std::uint64_t size() const { return geometry_.size(); }
  const PieceDigests& pieces() const { return pieces_; }
  Proof proof() const { return encoder_ ? Proof::full : Proof::sample; }

  // Once finished.
  /// The extension block to hold `theirs` against. Of a sample, the root over the shares is theirs: nobody else knows it.
  Bytes extension_beside(ByteView theirs) const;
  /// Full.
  immutable::Encoder& encoder() { return *encoder_; }
  /// The block of every share that is made of this segment, by a pass over it alone. Errors: changed, io.
  io::Task<Result<std::vector<Hash>>> block_hashes(SegmentNumber segment);

 private:
  friend class CiphertextBytes;
  io::Task<Result<SharedSegment>> made_alone(SegmentNumber segment);
  Result<void> absorb(const immutable::EncodedSegment& segment);
  Result<void> finish();

  const Context& context_;
  const cap::Key& key_;
  const immutable::Geometry geometry_;
  PieceDigests pieces_;
  std::unique_ptr<SegmentSource> source_;
  std::optional<immutable::Encoder> encoder_;         // full
  std::optional<immutable::CrypttextHasher> hasher_;  // sample
  immutable::SegmentEncoder segment_encoder_, cipher_;
  SegmentPipeline pipeline_;
  SegmentPipeline::Reader hold_;
  SegmentNumber held_at_ = 0;
  bool held_ = false;
};

/// Any range of the ciphertext as a stream, also one that the pass is long behind, or still far from: then it is read and
/// encrypted for this alone, so that a link need not wait for what is hashed.
class CiphertextBytes final : public grid::ByteSource {
 public:
  /// When `leads`, the pass is held where this is.
  CiphertextBytes(CiphertextFront& front, Range range, bool leads, std::function<void(std::uint64_t)> moved = {})
      : front_(front),
        reader_(front.pipeline_),
        range_(range),
        at_(range.begin),
        leads_(leads),
        moved_(std::move(moved)) {}

  std::uint64_t length() const override { return range_.size(); }
  io::Task<Result<ByteView>> next() override;

  /// What has been handed out so far: [range.begin, position).
  std::uint64_t position() const { return at_; }
  /// Why it stopped, when that was its own fault.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  CiphertextFront& front_;
  SegmentPipeline::Reader reader_;
  const Range range_;
  std::uint64_t at_;
  const bool leads_;
  const std::function<void(std::uint64_t)> moved_;
  SharedSegment segment_;  // keeps the view valid
  std::optional<Error> failure_;
};

}  // namespace holdfast::transfer
