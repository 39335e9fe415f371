// Work that computes or blocks leaves the loop thread here: owned values in, a value out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "holdfast/edge/io/pending.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::io {

/// The port. Implementations: ThreadPool (threads), InlinePool (on the loop, for simulation).
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;

  /// Runs `job` off the loop (any thread), then `done` from the loop.
  virtual void submit(std::function<void()> job, std::function<void()> done) = 0;

  /// `auto value = co_await pool.run(std::move(job));`  Name the job first (GCC 12). It cannot be
  /// cancelled: the wait lasts until the job is done, so it may refer to locals of the caller.
  template <class F>
  Task<std::invoke_result_t<F&>> run(F job) {
    using T = std::invoke_result_t<F&>;
    if constexpr (std::is_void_v<T>) {
      Pending<bool> done;
      submit([&job] { job(); }, [&done] { done.complete(true); });
      co_await done;
    } else {
      std::optional<T> value;
      Pending<bool> done;
      submit([&job, &value] { value.emplace(job()); }, [&done] { done.complete(true); });
      co_await done;
      co_return std::move(*value);
    }
  }
};

/// Up to `threads` workers with one queue in order of submission. The destructor finishes what was submitted.
std::unique_ptr<WorkerPool> make_thread_pool(Loop& loop, unsigned threads);

/// Runs each job from the loop itself: deterministic, for virtual time.
std::unique_ptr<WorkerPool> make_inline_pool(Loop& loop);

}  // namespace holdfast::io
