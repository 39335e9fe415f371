#include "holdfast/edge/io/task.h"

#include <gtest/gtest.h>

#include "holdfast/edge/io/asio_loop.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/edge/io/worker_pool.h"

namespace holdfast::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Task<int> ready(int value) {
  co_return value;
}

Task<void> sum_many(int count, long* out) {
  for (int i = 0; i < count; ++i) *out += co_await ready(1);
}

TEST(Task, AwaitingAMillionReadyTasksUsesNoStack) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  long sum = 0;
  ASSERT_TRUE(loop.run(sum_many(1'000'000, &sum), scope));
  EXPECT_EQ(sum, 1'000'000);
}

Task<void> note_after(Duration delay, int id, std::vector<int>* order) {
  const bool slept = co_await sleep_for(delay);
  if (slept) order->push_back(id);
}

Task<void> three_sleepers(std::vector<int>* order) {
  TaskGroup group(co_await this_scope());
  group.spawn(note_after(seconds(3), 3, order));
  group.spawn(note_after(seconds(1), 1, order));
  group.spawn(note_after(seconds(2), 2, order));
  co_await group.join();
}

TEST(TaskGroup, JoinsMembersThatFinishInTheOrderOfVirtualTime) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  std::vector<int> order;
  ASSERT_TRUE(loop.run(three_sleepers(&order), scope));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(loop.now(), Time{} + seconds(3));
}

Task<void> cancel_sleepers(std::vector<int>* order) {
  TaskGroup group(co_await this_scope());
  for (int i = 0; i < 5; ++i) group.spawn(note_after(seconds(100), i, order));
  co_await sleep_for(seconds(1));
  group.cancel();
  co_await group.join();
}

TEST(TaskGroup, CancellingEndsSleepersAtOnce) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  std::vector<int> order;
  ASSERT_TRUE(loop.run(cancel_sleepers(&order), scope));
  EXPECT_TRUE(order.empty());
  EXPECT_EQ(loop.now(), Time{} + seconds(1));
}

Task<Result<int>> slow_answer(Duration delay) {
  const bool slept = co_await sleep_for(delay);
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  co_return 7;
}

Task<void> limited(Duration delay, Duration limit, Result<int>* out) {
  *out = co_await with_timeout(limit, slow_answer(delay));
}

TEST(WithTimeout, TellsATimeoutFromAnAnswer) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  Result<int> out = 0;
  ASSERT_TRUE(loop.run(limited(seconds(1), seconds(2), &out), scope));
  ASSERT_TRUE(out.has_value());
  EXPECT_EQ(*out, 7);
  ASSERT_TRUE(loop.run(limited(seconds(3), seconds(2), &out), scope));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, Errc::timeout);
}

TEST(WithTimeout, PassesAnOuterCancellationOn) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  scope.cancel();
  Result<int> out = 0;
  ASSERT_TRUE(loop.run(limited(seconds(1), seconds(2), &out), scope));
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, Errc::cancelled);
}

Task<void> hold(Semaphore* semaphore, int* now, int* peak) {
  const bool acquired = co_await semaphore->acquire();
  if (!acquired) co_return;
  *peak = std::max(*peak, ++*now);
  co_await sleep_for(milliseconds(10));
  --*now;
  semaphore->release();
}

Task<void> crowd(Semaphore* semaphore, int* now, int* peak) {
  TaskGroup group(co_await this_scope());
  for (int i = 0; i < 50; ++i) group.spawn(hold(semaphore, now, peak));
  co_await group.join();
}

TEST(Semaphore, BoundsWhatIsInFlight) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  Semaphore semaphore(loop, 4);
  int now = 0, peak = 0;
  ASSERT_TRUE(loop.run(crowd(&semaphore, &now, &peak), scope));
  EXPECT_EQ(peak, 4);
  EXPECT_EQ(semaphore.available(), 4u);
}

Task<void> take(Semaphore* semaphore, std::size_t units, std::vector<std::size_t>* order) {
  const bool acquired = co_await semaphore->acquire(units);
  if (acquired) order->push_back(units);
}

Task<void> unequal(Semaphore* semaphore, std::vector<std::size_t>* order) {
  CancelScope& scope = co_await this_scope();
  CancelScope impatient(scope);
  TaskGroup group(scope), quitter(impatient);
  static_cast<void>(co_await semaphore->acquire(3));
  quitter.spawn(take(semaphore, 4, order));  // stands in front of those who need less
  group.spawn(take(semaphore, 1, order));
  group.spawn(take(semaphore, 2, order));
  co_await sleep_for(milliseconds(1));
  EXPECT_TRUE(order->empty()) << "nobody is overtaken, though one unit is free";
  impatient.cancel();
  co_await sleep_for(milliseconds(1));
  EXPECT_EQ(*order, (std::vector<std::size_t>{1}));
  semaphore->release(3);
  co_await group.join();
  co_await quitter.join();
}

TEST(Semaphore, WhoGivesUpLetsThoseBehindHimPass) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  Semaphore semaphore(loop, 4);
  std::vector<std::size_t> order;
  ASSERT_TRUE(loop.run(unequal(&semaphore, &order), scope));
  EXPECT_EQ(order, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(semaphore.available(), 1u);
}

TEST(Semaphore, UnitsGivenAreNotFreeThoughTheirOwnerHasNotRunYet) {
  SimulatedLoop loop;
  CancelScope scope(loop);
  Semaphore semaphore(loop, 1);
  std::vector<std::size_t> order;
  auto body = [&]() -> Task<void> {
    static_cast<void>(co_await semaphore.acquire());
    TaskGroup group(co_await this_scope());
    group.spawn(take(&semaphore, 1, &order));
    semaphore.release();
    EXPECT_EQ(semaphore.available(), 0u);
    co_await group.join();
  };
  ASSERT_TRUE(loop.run(body(), scope));
  EXPECT_EQ(order.size(), 1u);
}

Task<void> compute(WorkerPool* pool, long* out) {
  for (int i = 0; i < 100; ++i) {
    auto job = [i] { return i * 2; };
    *out += co_await pool->run(job);
  }
}

TEST(WorkerPool, BringsValuesBackToTheLoopFromThreads) {
  AsioLoop loop;
  CancelScope scope(loop);
  const auto pool = make_thread_pool(loop, 3);
  long out = 0;
  loop.run(compute(pool.get(), &out), scope);
  EXPECT_EQ(out, 9900);
}

TEST(AsioLoop, SleepsAndCancelsInRealTime) {
  AsioLoop loop;
  CancelScope scope(loop);
  Result<int> out = 0;
  loop.run(limited(seconds(60), milliseconds(5), &out), scope);
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, Errc::timeout);
}

}  // namespace
}  // namespace holdfast::io
