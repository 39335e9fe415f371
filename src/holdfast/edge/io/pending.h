// Pending<T>: the leaf of every wait. Something outside completes it; a coroutine awaits it.
#pragma once

#include <coroutine>
#include <functional>
#include <optional>
#include <utility>

#include "holdfast/edge/io/cancel_scope.h"

namespace holdfast::io {

/// One-shot, loop thread only, usually a local of the coroutine that awaits it. complete() must be
/// called exactly once, also after a cancellation: on_cancel only starts the stopping.
template <class T>
class Pending final : private CancelScope::Hook {
 public:
  Pending() = default;
  /// `on_cancel` runs at once when the scope of the awaiting coroutine is (or already was) cancelled.
  explicit Pending(std::function<void()> on_cancel) : on_cancel_(std::move(on_cancel)) {}

  /// Call from the top of the loop (a handler, a timer, a posted function): resumes the waiter inside.
  void complete(T value) {
    HF_CHECK(!value_.has_value());
    value_.emplace(std::move(value));
    if (waiter_) std::exchange(waiter_, nullptr).resume();
  }
  bool completed() const { return value_.has_value(); }

  bool await_ready() const noexcept { return value_.has_value(); }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    CancelScope& scope = *waiter.promise().scope;
    if (on_cancel_) {
      if (scope.cancelled()) {
        on_cancel_();
        if (value_.has_value()) return false;
      } else {
        link(scope);
      }
    }
    waiter_ = waiter;
    return true;
  }
  T await_resume() {
    unlink();
    return std::move(*value_);
  }

 private:
  void on_cancel() override { on_cancel_(); }

  std::function<void()> on_cancel_;
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

}  // namespace holdfast::io
