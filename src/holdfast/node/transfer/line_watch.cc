#include "holdfast/node/transfer/line_watch.h"

#include <algorithm>
#include <utility>

namespace holdfast::transfer {
namespace {

constexpr double kPatienceLeast = 0.5;
constexpr double kBusy = 0.5;     // of the most that came lately
constexpr double kForget = 0.97;  // of "the most", a look: half of it in five seconds

}  // namespace

void LineWatch::look(double now, std::uint64_t received, bool moves, bool held_back) {
  const double since = now - std::exchange(looked_at_, now);
  const double rate = static_cast<double>(received - std::exchange(received_, received)) / since;
  most_ = std::max(most_ * kForget, rate);
  held_back_ = held_back;
  busy_ = held_back || rate > most_ * kBusy;
  moves_ = moves || held_back;
  if (moves_) moved_at_ = now;
  ++looks_;
}

double LineWatch::patience() const {
  return std::max(kPatienceLeast, 2 * first_byte_seconds_);
}

}  // namespace holdfast::transfer
