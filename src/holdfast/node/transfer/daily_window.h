// Transfers that may run at some time of the day only: where the line is cheap at night, or is needed by day.
#pragma once

#include <functional>
#include <string>

#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

/// The same part of each day, by the clock on the wall of this place; over midnight when it ends before it begins.
struct DailyWindow {
  int begin = 0, end = 0;  // seconds of the day; the end is no more in it
};

/// "01:00-05:00", "22:30:15-06:00". Errors: malformed, also when nothing lies between the two.
Result<DailyWindow> parse_daily_window(std::string_view text);

/// At this second since 1970, in local time (TZ).
bool is_open(const DailyWindow& window, std::int64_t wall_seconds);

/// "01:00", or "22:30:15".
std::string begin_of(const DailyWindow& window);

/// Cancels `work` when the window closes. It looks at the clock every second: clocks are set, and a machine that slept has not
/// counted the time.
class WindowGuard {
 public:
  WindowGuard(const DailyWindow& window, io::CancelScope& work) : window_(window), work_(work) { look(); }
  WindowGuard(const WindowGuard&) = delete;
  WindowGuard& operator=(const WindowGuard&) = delete;
  bool closed() const { return closed_; }

 private:
  void look();
  const DailyWindow window_;
  io::CancelScope& work_;
  std::unique_ptr<io::Loop::Timer> timer_;
  bool closed_ = false;
};

/// Waits for the window, as `progress` tells. False when cancelled.
io::Task<bool> until_open(DailyWindow window, Progress& progress);

/// Runs `work` while the window is open. When it closes, work is cancelled, as by somebody who wants to go on later, and begun
/// again when the window opens: it must go on where it was. So it is when `unfinished` says that something is left to do. Work
/// can ask the guard, until it is begun again, whether its window has closed.
template <class T>
io::Task<Result<T>> while_open(DailyWindow window, std::function<io::Task<Result<T>>(const WindowGuard&)> work,
                               Progress& progress, std::function<bool(const T&)> unfinished = {}) {
  io::CancelScope& outer = co_await io::this_scope();
  for (;;) {
    const bool open = co_await until_open(window, progress);
    if (!open) co_return fail(Errc::cancelled, "stopped");
    io::CancelScope inner(outer);
    WindowGuard guard(window, inner);
    io::Task<Result<T>> run = work(guard);
    Result<T> result = co_await run.in(inner);
    const bool stopped = !result && result.error().code == Errc::cancelled && guard.closed();
    const bool goes_on = stopped || (result && unfinished && unfinished(*result));
    if (!goes_on) co_return result;
    if (outer.cancelled()) co_return fail(Errc::cancelled, "stopped");  // also when something is left to do
  }
}

}  // namespace holdfast::transfer
