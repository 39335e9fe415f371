#include "holdfast/edge/io/waiting.h"

#include <algorithm>

namespace holdfast::io {

Task<bool> sleep_until(Time when) {
  CancelScope& scope = co_await this_scope();
  Loop& loop = scope.loop();
  if (scope.cancelled()) co_return false;
  std::unique_ptr<Loop::Timer> timer;
  bool posted = false;
  Pending<bool>* self = nullptr;
  Pending<bool> done([&] {
    if (std::exchange(posted, true)) return;
    timer.reset();
    loop.post([&self] { self->complete(false); });
  });
  self = &done;
  timer = loop.at(when, [&] {
    if (!std::exchange(posted, true)) self->complete(true);
  });
  co_return co_await done;
}

Task<bool> sleep_for(Duration duration) {
  CancelScope& scope = co_await this_scope();
  co_return co_await sleep_until(scope.loop().now() + duration);
}

struct Event::Waiter {
  Pending<bool>* pending;
  bool posted = false;
};

Event::~Event() {
  HF_CHECK(waiters_.empty());
}

void Event::wake(Waiter& waiter, bool told) {
  if (std::exchange(waiter.posted, true)) return;
  loop_.post([pending = waiter.pending, told] { pending->complete(told); });
}

void Event::notify_all() {
  for (Waiter* waiter : std::exchange(waiters_, {})) wake(*waiter, true);
}

Task<bool> Event::wait() {
  Waiter waiter{nullptr};
  Pending<bool> pending([this, &waiter] {
    std::erase(waiters_, &waiter);
    wake(waiter, false);
  });
  waiter.pending = &pending;
  waiters_.push_back(&waiter);
  co_return co_await pending;
}

Task<Result<void>> Event::told() {
  const bool woken = co_await wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

Task<bool> Semaphore::acquire(std::size_t units) {
  const std::uint64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  while (queue_.front() != ticket || free_ < units) {
    const bool told = co_await event_.wait();
    if (!told) {
      std::erase(queue_, ticket);
      event_.notify_all();
      co_return false;
    }
  }
  queue_.erase(queue_.begin());
  free_ -= units;
  if (!queue_.empty()) event_.notify_all();
  co_return true;
}

void Semaphore::release(std::size_t units) {
  free_ += units;
  event_.notify_all();
}

}  // namespace holdfast::io
