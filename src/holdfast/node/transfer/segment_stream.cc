#include "holdfast/node/transfer/segment_stream.h"

#include <algorithm>

namespace holdfast::transfer {

SegmentStream::SegmentStream(io::Loop& loop, SegmentFetcher& fetcher, SegmentNumber first, SegmentNumber end,
                             std::uint64_t run_bytes_max)
    : loop_(loop),
      fetcher_(fetcher),
      length_(loop, fetcher.geometry().segment_size(), run_bytes_max),
      next_(first),
      end_(end),
      moved_(loop),
      fetching_(loop) {}

io::Task<void> SegmentStream::fetch(Ahead* run) {
  run->segments = co_await fetcher_.segments(run->first, run->end);
  run->arrived = true;
  moved_.notify_all();
}

void SegmentStream::ask_ahead() {
  while (next_ < end_ && runs_.size() < RunLength::kTogether) {
    Ahead& run = runs_.emplace_back();
    run.first = next_;
    run.end = next_ = std::min(next_ + length_.next(), end_);
    run.asked = loop_.now();
    fetching_.spawn(fetch(&run));
  }
}

io::Task<Result<SegmentStream::Run>> SegmentStream::next() {
  ask_ahead();
  Ahead& front = runs_.front();
  while (!front.arrived) {
    const bool woken = co_await moved_.wait();
    if (!woken) co_return fail(Errc::cancelled, "stopped");
  }
  length_.came(front.asked, front.end - front.first);
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
