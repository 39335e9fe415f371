#include "holdfast/node/transfer/hedging.h"

#include <algorithm>
#include <limits>

namespace holdfast::transfer {
namespace {

constexpr double kClearlyLater = 1.25;  // times
constexpr double kCrawls = 2;           // times what the best one would take from the beginning
constexpr double kTrailSeconds = 1;
constexpr double kNever = std::numeric_limits<double>::infinity();

}  // namespace

Pace Trail::look(double now, std::uint64_t arrived, std::uint64_t length, bool line_moves) {
  const bool moved = arrived > marks_.back().arrived;
  fresh_ = moved && moved_ == started_;
  if (moved) moved_ = now;
  excused_ = moved ? 0 : excused_ + (line_moves ? 0 : now - marks_.back().when);
  while (marks_.size() > 1 && now - marks_[1].when >= kTrailSeconds) marks_.pop_front();
  const double since = now - marks_.front().when;
  // Fewer than there were: its bytes have just been taken.
  const auto bytes = static_cast<double>(arrived - std::min(arrived, marks_.front().arrived));
  marks_.push_back({now, arrived});
  return {length, arrived, since > 0 ? bytes / since : 0, now - moved_ - excused_, fresh_};
}

double seconds_left(const Pace& copy) {
  if (copy.arrived >= copy.length) return copy.stuck ? kNever : 0;
  if (copy.bytes_per_second <= 0) return kNever;
  return static_cast<double>(copy.length - copy.arrived) / copy.bytes_per_second;
}

bool lags(const Pace& copy, const Surroundings& around) {
  if (!around.line_moves || around.line_busy || copy.young) return false;
  if (copy.arrived >= copy.length) return copy.stuck;
  if (copy.still_seconds > around.patience_seconds) return true;
  if (copy.bytes_per_second <= 0) return false;
  const double fresh = static_cast<double>(copy.length) / around.best_bytes_per_second;
  return seconds_left(copy) > around.patience_seconds + kCrawls * fresh;
}

std::vector<std::size_t> surplus(std::span<const Pace> copies, std::size_t missing) {
  std::vector<std::size_t> out;
  if (missing == 0 || copies.size() <= missing) return out;
  std::vector<double> times;
  for (const Pace& copy : copies) times.push_back(seconds_left(copy));
  std::ranges::sort(times);
  const double enough = times[missing - 1];
  if (enough == kNever) return out;
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (!copies[i].young && seconds_left(copies[i]) > enough * kClearlyLater) out.push_back(i);
  }
  return out;
}

}  // namespace holdfast::transfer
