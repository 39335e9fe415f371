// The segments of a file in order, fetched ahead, so that the line is never idle for a round trip.
#pragma once

#include <list>

#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/run_length.h"
#include "holdfast/node/transfer/segment_fetcher.h"

namespace holdfast::transfer {

class SegmentStream {
 public:
  struct Run {
    SegmentNumber first = 0;
    std::vector<Buffer> segments;
  };

  /// Segments [first, end) of an open file, as part of `scope`. `run_bytes_max` of plaintext are fetched at once, and
  /// RunLength::kTogether such runs are in memory, with the one in the caller's hands. All of it outlives this.
  SegmentStream(io::CancelScope& scope, SegmentFetcher& fetcher, SegmentNumber first, SegmentNumber end,
                std::uint64_t run_bytes_max);

  bool at_end() const { return next_ == end_ && runs_.empty(); }
  /// The next run, verified; there must be one. Errors: of the fetcher, for good; cancelled.
  io::Task<Result<Run>> next();
  /// Ends what is on its way; to be awaited before it is destroyed.
  io::Task<void> close();

 private:
  struct Ahead {
    SegmentNumber first = 0, end = 0;
    io::Time asked;
    Result<std::vector<Buffer>> segments = fail(Errc::cancelled, "stopped");
    bool arrived = false;
  };
  io::Task<void> fetch(Ahead* run);
  void ask_ahead();
  bool may_ask() const;

  io::Loop& loop_;
  SegmentFetcher& fetcher_;
  const std::uint64_t bytes_max_;
  RunLength length_;
  SegmentNumber next_;
  const SegmentNumber end_;
  std::list<Ahead> runs_;  // in order
  io::Event moved_;
  io::TaskGroup fetching_;
};

}  // namespace holdfast::transfer
