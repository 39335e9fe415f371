#include "holdfast/edge/io/simulated_loop.h"

#include "holdfast/edge/io/task_group.h"

namespace holdfast::io {

class SimulatedLoop::SimulatedTimer final : public Loop::Timer {
 public:
  SimulatedTimer(SimulatedLoop& loop, Key key) : loop_(loop), key_(key) {}
  ~SimulatedTimer() override { loop_.timers_.erase(key_); }

 private:
  SimulatedLoop& loop_;
  Key key_;
};

std::unique_ptr<Loop::Timer> SimulatedLoop::at(Time when, Function f) {
  const Key key{when, next_order_++};
  timers_.emplace(key, std::move(f));
  return std::make_unique<SimulatedTimer>(*this, key);
}

bool SimulatedLoop::step() {
  if (ready_.empty()) {
    if (timers_.empty()) return false;
    auto first = timers_.begin();
    now_ = std::max(now_, first->first.when);
    Function f = std::move(first->second);
    timers_.erase(first);
    f();
    return true;
  }
  Function f = std::move(ready_.front());
  ready_.pop_front();
  f();
  return true;
}

bool SimulatedLoop::run(Task<void> main, CancelScope& scope) {
  TaskGroup group(scope);
  group.spawn(std::move(main));
  while (group.running() > 0) {
    if (!step()) return false;
  }
  return true;
}

}  // namespace holdfast::io
