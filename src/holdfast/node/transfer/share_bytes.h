// Any range of one share as a stream: blocks from the pipeline, everything else from the encoder.
#pragma once

#include "holdfast/node/grid/storage_server.h"
#include "holdfast/node/transfer/segment_pipeline.h"

namespace holdfast::transfer {

class ShareBytes final : public grid::ByteSource {
 public:
  /// `range` lies within the share. Counts in `sent` what next() has handed out.
  ShareBytes(immutable::Encoder& encoder, SegmentPipeline& pipeline, SegmentPipeline::Reader& reader, ShareNumber share,
             Range range)
      : encoder_(encoder), pipeline_(pipeline), reader_(reader), share_(share), range_(range), at_(range.begin) {}

  std::uint64_t length() const override { return range_.size(); }
  io::Task<Result<ByteView>> next() override;

  /// What has been handed out so far: [range.begin, position).
  std::uint64_t position() const { return at_; }
  Range handed_out() const { return {range_.begin, at_}; }

 private:
  immutable::Encoder& encoder_;
  SegmentPipeline& pipeline_;
  SegmentPipeline::Reader& reader_;
  const ShareNumber share_;
  const Range range_;
  std::uint64_t at_;
  SharedSegment segment_;  // keeps the view valid
  Bytes other_;
};

}  // namespace holdfast::transfer
