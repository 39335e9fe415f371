// Fetching from several servers at once: who is too slow to wait for, and which of too many may go. Pure choices, made at
// each look, a few times a second; SegmentFetcher carries them out.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

namespace holdfast::transfer {

/// One copy on its way, in bytes and seconds, as it looks now.
struct Pace {
  std::uint64_t length = 0;     // of what was asked for
  std::uint64_t arrived = 0;    // of it, so far
  double bytes_per_second = 0;  // lately
  double still_seconds = 0;     // since something came, or since it was asked, while others moved
  bool young = true;            // it has only just begun: its pace says nothing yet
  bool stuck = false;           // all of it is here, and what else it takes to prove it does not come
};

/// What had come of one copy at the latest looks. Times are seconds since anything.
class Trail {
 public:
  Trail(double now, std::uint64_t arrived) : started_(now), moved_(now), marks_{{now, arrived}} {}
  /// `line_moves`: something came from somebody since the last look. While nothing does, no blame falls on anybody.
  Pace look(double now, std::uint64_t arrived, std::uint64_t length, bool line_moves);
  /// Seconds to the first byte; it has come with the latest look.
  std::optional<double> first_byte() const { return fresh_ ? std::optional(moved_ - started_) : std::nullopt; }
  double started() const { return started_; }
  /// Whosever fault it is.
  double still_for(double now) const { return now - moved_; }

 private:
  struct Mark {
    double when;
    std::uint64_t arrived;
  };
  double started_, moved_;
  double excused_ = 0;      // of the time since moved_
  bool fresh_ = false;      // begun with the latest look
  std::deque<Mark> marks_;  // about a second of them: slow connections come in clots
};

/// What one copy is held against.
struct Surroundings {
  bool line_moves = false;           // something came from somebody since the last look
  bool line_busy = false;            // so much came that asking for more could only slow the others down
  double best_bytes_per_second = 0;  // of any copy, as far as is known
  double patience_seconds = 0;       // what a copy may take for its first byte
};

/// Seconds until it is whole at the pace it has; infinite when it stands still, or is stuck.
double seconds_left(const Pace& copy);

/// Another copy should be asked beside this one: it stands still while others move, or crawls. When nothing moves at all
/// it is the line, and nobody lags; nor while the line is busy: who gets little of it will get more when others are done.
bool lags(const Pace& copy, const Surroundings& around);

/// Positions of those that can go when only `missing` copies are wanted still: at their pace they would come clearly later
/// than enough others. None while too few of the others move.
std::vector<std::size_t> surplus(std::span<const Pace> copies, std::size_t missing);

}  // namespace holdfast::transfer
