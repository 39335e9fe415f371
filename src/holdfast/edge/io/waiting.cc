#include "holdfast/edge/io/waiting.h"

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

void WaitingLine::add(Waiter& waiter) {
  if (last_ == nullptr) {
    waiter.before = waiter.after = &waiter;
  } else {
    waiter.before = last_;
    waiter.after = last_->after;
    waiter.before->after = waiter.after->before = &waiter;
  }
  last_ = &waiter;
}

void WaitingLine::remove(Waiter& waiter) {
  const bool alone = waiter.after == &waiter;
  waiter.before->after = waiter.after;
  waiter.after->before = waiter.before;
  if (last_ == &waiter) last_ = alone ? nullptr : waiter.before;
  waiter.before = waiter.after = nullptr;
}

void WaitingLine::wake(Loop& loop, Waiter& waiter, bool told) {
  if (waiter.after == nullptr) return;  // woken already
  remove(waiter);
  loop.post([pending = waiter.pending, told] { pending->complete(told); });
}

void Event::notify_all() {
  while (WaitingLine::Waiter* waiter = line_.first()) line_.wake(loop_, *waiter, true);
}

Task<bool> Event::wait() {
  WaitingLine::Waiter waiter;
  Pending<bool> pending([this, &waiter] { line_.wake(loop_, waiter, false); });
  waiter.pending = &pending;
  line_.add(waiter);
  co_return co_await pending;
}

Task<Result<void>> Event::told() {
  const bool woken = co_await wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

Task<bool> Semaphore::acquire(std::size_t units) {
  if (line_.first() == nullptr && free_ >= units) {
    free_ -= units;
    co_return true;
  }
  WaitingLine::Waiter waiter;
  waiter.units = units;
  Pending<bool> pending([this, &waiter] {
    line_.wake(loop_, waiter, false);
    hand_out();  // who stood behind may need less
  });
  waiter.pending = &pending;
  line_.add(waiter);
  co_return co_await pending;
}

void Semaphore::release(std::size_t units) {
  free_ += units;
  hand_out();
}

void Semaphore::hand_out() {
  for (WaitingLine::Waiter* next = line_.first(); next != nullptr && free_ >= next->units; next = line_.first()) {
    free_ -= next->units;
    line_.wake(loop_, *next, true);
  }
}

}  // namespace holdfast::io
