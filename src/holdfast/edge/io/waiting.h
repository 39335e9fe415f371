// The small ways to wait: sleep, time limits, events, semaphores.
#pragma once

#include <memory>

#include "holdfast/edge/io/pending.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::io {

/// False when the scope was cancelled before the time was over.
Task<bool> sleep_until(Time when);
Task<bool> sleep_for(Duration duration);

/// Runs the task; after `limit` cancels it and, if it then gives up, answers Errc::timeout.
template <class T>
Task<Result<T>> with_timeout(Duration limit, Task<Result<T>> task) {
  CancelScope& outer = co_await this_scope();
  CancelScope inner(outer);
  bool expired = false;
  auto timer = outer.loop().at(outer.loop().now() + limit, [&expired, &inner] {
    expired = true;
    inner.cancel();
  });
  Result<T> result = co_await task.in(inner);
  timer.reset();
  if (!result && expired && result.error().code == Errc::cancelled) {
    co_return fail(Errc::timeout, "no answer in time");
  }
  co_return result;
}

/// Those who wait, in the order in which they came: a ring through their own frames, so that thousands of these on which
/// nobody waits take a pointer each. Loop thread only.
class WaitingLine {
 public:
  struct Waiter {
    Pending<bool>* pending = nullptr;
    std::size_t units = 0;
    Waiter *before = nullptr, *after = nullptr;  // nothing: not in line
  };

  ~WaitingLine() { HF_CHECK(last_ == nullptr); }
  Waiter* first() const { return last_ == nullptr ? nullptr : last_->after; }
  void add(Waiter& waiter);
  void remove(Waiter& waiter);
  /// Takes whoever is still in line out of it, and resumes him from the loop.
  void wake(Loop& loop, Waiter& waiter, bool told);

 private:
  Waiter* last_ = nullptr;
};

/// A condition that waiters are told of. Loop thread only; waiters run from the loop, not inside notify.
class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop) {}

  /// Wakes everybody who waits now.
  void notify_all();
  /// Waits for the next notify_all. False when cancelled.
  Task<bool> wait();
  /// The same as a Result, for time limits and HF_CO_TRY. Errors: cancelled.
  Task<Result<void>> told();

 private:
  Loop& loop_;
  WaitingLine line_;
};

/// Counts what may be in flight. Units are handed out in the order of asking.
class Semaphore {
 public:
  Semaphore(Loop& loop, std::size_t units) : loop_(loop), free_(units) {}
  /// False when cancelled (nothing was taken). `units` must not exceed what exists in all.
  Task<bool> acquire(std::size_t units = 1);
  void release(std::size_t units = 1);
  std::size_t available() const { return free_; }

 private:
  void hand_out();
  Loop& loop_;
  WaitingLine line_;
  std::size_t free_;
};

}  // namespace holdfast::io
