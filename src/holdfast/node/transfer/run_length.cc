#include "holdfast/node/transfer/run_length.h"

#include <algorithm>
#include <utility>

namespace holdfast::transfer {

RunLength::RunLength(io::Loop& loop, std::uint64_t segment_size, std::uint64_t run_bytes_max)
    : loop_(loop),
      most_(std::clamp<std::uint64_t>(run_bytes_max / segment_size, 1, kSegmentsMax)),
      last_(loop.now()),
      youngest_asked_(last_) {}

SegmentNumber RunLength::next() {
  const SegmentNumber apart = (length_ + kTogether - 1) / kTogether;
  const io::Duration since = loop_.now() - std::exchange(youngest_asked_, loop_.now());
  // All that are on their way have equal parts of the line.
  const bool known = segment_takes_ > io::Duration::zero();
  const SegmentNumber come = known ? static_cast<SegmentNumber>(since / segment_takes_) : 0;
  const SegmentNumber left = youngest_ - std::min(youngest_, come);
  return youngest_ = std::min(left + apart, length_);
}

void RunLength::came(io::Time asked, SegmentNumber length) {
  segment_takes_ = (loop_.now() - asked) / static_cast<io::Duration::rep>(length);
}

void RunLength::arrived() {
  const io::Duration took = loop_.now() - std::exchange(last_, loop_.now());
  slow_ = took > std::chrono::seconds(1);
  if (took < std::chrono::milliseconds(250)) length_ = std::min(length_ * 2, most_);
  if (slow_) length_ = std::max<SegmentNumber>(1, length_ / 2);
}

}  // namespace holdfast::transfer
