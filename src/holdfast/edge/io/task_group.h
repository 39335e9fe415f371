// Everything that runs belongs to a group, and a group is awaited before it dies.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "holdfast/edge/io/pending.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::io {

/// Spawned tasks run concurrently on the loop, in the group's own scope (a child of the one given).
/// Spawned tasks take values: what they refer to must outlive join().
class TaskGroup {
 public:
  explicit TaskGroup(CancelScope& parent) : scope_(parent) {}
  explicit TaskGroup(Loop& loop) : scope_(loop) {}
  ~TaskGroup() { HF_CHECK(running_ == 0); }

  /// Starts at once, up to its first suspension.
  void spawn(Task<void> task) {
    ++running_;
    run(this, std::move(task));
  }
  void cancel() { scope_.cancel(); }
  CancelScope& scope() { return scope_; }
  std::size_t running() const { return running_; }

  /// Waits until nothing runs any more; may be called again. It cancels nothing by itself, but when
  /// the parent scope is cancelled, so are the members.
  Task<void> join() {
    while (running_ > 0) {
      Pending<bool> idle;
      idle_ = &idle;
      co_await idle;
    }
  }

 private:
  /// A coroutine that destroys itself at its end.
  struct Detached {
    struct promise_type {
      CancelScope* scope = nullptr;
      promise_type(TaskGroup* group, Task<void>&) : scope(&group->scope_) {}
      Detached get_return_object() const noexcept { return {}; }
      std::suspend_never initial_suspend() const noexcept { return {}; }
      std::suspend_never final_suspend() const noexcept { return {}; }
      void return_void() const noexcept {}
      void unhandled_exception() const noexcept { std::terminate(); }
    };
  };

  static Detached run(TaskGroup* group, Task<void> task) {
    {
      Task<void> owned = std::move(task);
      co_await std::move(owned);
    }
    group->finished();
  }

  void finished() {
    if (--running_ > 0 || idle_ == nullptr) return;
    // From the top of the loop: the waiter may destroy the group.
    scope_.loop().post([idle = std::exchange(idle_, nullptr)] { idle->complete(true); });
  }

  CancelScope scope_;
  std::size_t running_ = 0;
  Pending<bool>* idle_ = nullptr;
};

}  // namespace holdfast::io
