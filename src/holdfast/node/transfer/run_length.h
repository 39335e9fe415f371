// How a reader feels its way to long runs, and keeps the line busy with several of them.
#pragma once

#include "holdfast/core/base/ids.h"
#include "holdfast/edge/io/loop.h"

namespace holdfast::transfer {

/// How many segments are fetched at once: as many as come in a moment. What is on its way when the reader goes was fetched
/// for nothing; and hashing many at once is cheaper.
class RunLength {
 public:
  static constexpr SegmentNumber kTogether = 4;
  static constexpr SegmentNumber kSegmentsMax = 4096;  // however small: each of them takes memory beside its bytes
  RunLength(io::Loop& loop, std::uint64_t segment_size, std::uint64_t run_bytes_max);
  SegmentNumber now() const { return length_; }
  /// Of the next one of kTogether that are on their way at once, and is asked for now. Those that end together leave the line idle
  /// until the next ones begin to come; so one that is asked for soon after another is shorter, until they end by turns.
  SegmentNumber next();
  /// One that was waited for has come.
  void came(io::Time asked, SegmentNumber length);
  /// The last run took longer than a moment to come and to be passed on.
  bool slow() const { return slow_; }
  /// A run has come in.
  void arrived();

 private:
  io::Loop& loop_;
  const SegmentNumber most_;
  SegmentNumber length_ = 1, youngest_ = 0;
  bool slow_ = false;
  io::Time last_, youngest_asked_;
  io::Duration segment_takes_{0};  // of a run, beside others; nothing: not known yet
};

}  // namespace holdfast::transfer
