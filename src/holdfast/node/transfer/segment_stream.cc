#include "holdfast/node/transfer/segment_stream.h"

#include <algorithm>

namespace holdfast::transfer {

SegmentStream::SegmentStream(io::CancelScope& scope, SegmentFetcher& fetcher, SegmentNumber first, SegmentNumber end,
                             std::uint64_t run_bytes_max)
    : loop_(scope.loop()),
      fetcher_(fetcher),
      bytes_max_(RunLength::kTogether * run_bytes_max),
      length_(loop_, fetcher.geometry().segment_size(), run_bytes_max),
      next_(first),
      end_(end),
      moved_(loop_),
      fetching_(scope) {}

io::Task<void> SegmentStream::fetch(Ahead* run) {
  run->segments = co_await fetcher_.segments(run->first, run->end);
  run->arrived = true;
  moved_.notify_all();
}

/// Bounded by bytes too, as a segment may be larger than a run should be.
bool SegmentStream::may_ask() const {
  if (next_ == end_ || runs_.size() == RunLength::kTogether) return false;
  return runs_.empty() || (next_ - runs_.front().first) * fetcher_.geometry().segment_size() < bytes_max_;
}

void SegmentStream::ask_ahead() {
  while (may_ask()) {
    Ahead& run = runs_.emplace_back();
    run.first = next_;
    run.end = next_ = std::min(next_ + length_.next(), end_);
    run.asked = loop_.now();
    fetching_.spawn(fetch(&run));
  }
}

io::Task<Result<SegmentStream::Run>> SegmentStream::next() {
  HF_CHECK(!at_end());
  // Also where all is here in time, and nobody waits: a disk or a reader may be slower than the line.
  if (fetching_.scope().cancelled()) co_return fail(Errc::cancelled, "stopped");
  ask_ahead();
  Ahead& front = runs_.front();
  const bool waits = !front.arrived;
  while (!front.arrived) {
    const bool woken = co_await moved_.wait();
    if (!woken) co_return fail(Errc::cancelled, "stopped");
  }
  if (waits) length_.came(front.asked, front.end - front.first);
  length_.arrived();
  if (!front.segments) co_return tl::make_unexpected(front.segments.error());  // it stays in front: nothing is skipped
  Run out{front.first, std::move(*front.segments)};
  runs_.pop_front();
  co_return out;
}

io::Task<void> SegmentStream::close() {
  fetching_.cancel();
  co_await fetching_.join();
}

}  // namespace holdfast::transfer
