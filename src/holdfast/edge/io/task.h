// Task<T>: a lazy coroutine, awaited once by its parent. No Asio here, so that it compiles fast
// and runs unchanged on virtual time.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/result.h"
#include "holdfast/edge/io/cancel_scope.h"

namespace holdfast::io {

template <class T>
class Task;

namespace detail {

struct PromiseBase {
  std::coroutine_handle<> continuation;
  CancelScope* scope = nullptr;
  bool running_inline = false;  // the parent is still inside await_suspend and will see done()

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      PromiseBase& promise = self.promise();
      if (promise.running_inline) return;
      // The parent may destroy this coroutine while it runs: nothing may be touched afterwards.
      if (auto next = promise.continuation) next.resume();
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() const noexcept { std::terminate(); }  // errors are values here
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
};

}  // namespace detail

/// Starts when awaited, in the scope of the awaiting coroutine. Completing without suspension
/// costs no stack, whatever the compiler makes of tail calls: loops over ready tasks are safe.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  class Awaiter {
   public:
    Awaiter(Handle handle, CancelScope* scope) : handle_(handle), scope_(scope) {}
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> parent) {
      promise_type& promise = handle_.promise();
      promise.continuation = parent;
      promise.scope = scope_ != nullptr ? scope_ : parent.promise().scope;
      promise.running_inline = true;
      handle_.resume();
      if (handle_.done()) return false;
      promise.running_inline = false;
      return true;
    }
    T await_resume() {
      if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
    }

   private:
    Handle handle_;
    CancelScope* scope_;
  };

  Awaiter operator co_await() && { return Awaiter(handle_, nullptr); }
  /// `co_await task.in(scope)`: runs it in another scope, which must outlive it.
  Awaiter in(CancelScope& scope) & { return Awaiter(handle_, &scope); }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(Task<T>::Handle::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(Task<void>::Handle::from_promise(*this));
}

struct ScopeAwaiter {
  CancelScope* scope = nullptr;
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> self) noexcept {
    scope = self.promise().scope;
    return false;
  }
  CancelScope& await_resume() const noexcept { return *scope; }
};
}  // namespace detail

/// `CancelScope& scope = co_await this_scope();` never suspends.
inline detail::ScopeAwaiter this_scope() {
  return {};
}

}  // namespace holdfast::io
