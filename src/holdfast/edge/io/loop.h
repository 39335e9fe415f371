// The port for time and for "later": everything that waits, waits on a Loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace holdfast::io {

using Duration = std::chrono::nanoseconds;
/// Monotonic; the origin means nothing.
using Time = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// One thread runs a loop; all members but post_from_any_thread belong to that thread.
/// Implementations: AsioLoop (the real one) and SimulatedLoop (virtual time, for tests).
class Loop {
 public:
  using Function = std::function<void()>;

  /// A one-shot timer; destroying it before it fires cancels it.
  class Timer {
   public:
    virtual ~Timer() = default;
  };

  virtual ~Loop() = default;
  virtual Time now() const = 0;
  /// Seconds since 1970-01-01 UTC. May jump either way; never used for waiting.
  virtual std::int64_t wall_seconds() const = 0;
  /// Runs f soon, from the loop itself, after what was posted before.
  virtual void post(Function f) = 0;
  virtual void post_from_any_thread(Function f) = 0;
  /// Runs f from the loop at or after `when`, unless the timer is destroyed first.
  [[nodiscard]] virtual std::unique_ptr<Timer> at(Time when, Function f) = 0;
};

}  // namespace holdfast::io
