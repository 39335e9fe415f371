// Virtual time for tests: the next timer is due as soon as nothing else is to do.
#pragma once

#include <algorithm>
#include <deque>
#include <map>

#include "holdfast/edge/io/task.h"

namespace holdfast::io {

class SimulatedLoop final : public Loop {
 public:
  Time now() const override { return now_; }
  std::int64_t wall_seconds() const override { return wall_origin_ + (now_ - Time{}) / std::chrono::seconds(1); }
  void post(Function f) override { ready_.push_back(std::move(f)); }
  /// For pools that run inline only: there is no second thread here.
  void post_from_any_thread(Function f) override { post(std::move(f)); }
  std::unique_ptr<Timer> at(Time when, Function f) override;

  void jump_wall_clock(std::int64_t seconds) { wall_origin_ += seconds; }
  /// Runs to the task's end. False when everything waits for ever (a deadlock): the test has failed.
  bool run(Task<void> main, CancelScope& scope);

 private:
  class SimulatedTimer;
  struct Key {
    Time when;
    std::uint64_t order;
    auto operator<=>(const Key&) const = default;
  };
  bool step();

  Time now_{};
  std::int64_t wall_origin_ = 1'800'000'000;
  std::uint64_t next_order_ = 0;
  std::deque<Function> ready_;
  std::map<Key, Function> timers_;
};

}  // namespace holdfast::io
