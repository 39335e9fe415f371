#include "holdfast/edge/io/worker_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::io {
namespace {

class ThreadPool final : public WorkerPool {
 public:
  ThreadPool(Loop& loop, unsigned threads) : loop_(loop), threads_max_(threads) { threads_.reserve(threads); }
  ~ThreadPool() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    ready_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void submit(std::function<void()> job, std::function<void()> done) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(Item{std::move(job), std::move(done)});
      // Threads are made when they are wanted: a short command wants few.
      if (queue_.size() > idle_ && threads_.size() < threads_max_) add_thread();
    }
    ready_.notify_one();
  }

 private:
  struct Item {
    std::function<void()> job, done;
  };

  /// Where the system gives no thread, those that there are do the work; without any, there is nobody to do it.
  void add_thread() {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::exception&) {
      if (threads_.empty()) {
        queue_.pop_back();
        throw;
      }
    }
  }

  void work() {
    for (;;) {
      Item item;
      {
        std::unique_lock lock(mutex_);
        ++idle_;
        ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        --idle_;
        if (queue_.empty()) return;
        item = std::move(queue_.front());
        queue_.pop_front();
      }
      item.job();
      loop_.post_from_any_thread(std::move(item.done));
    }
  }

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<Item> queue_;
  bool stopping_ = false;
  std::size_t idle_ = 0;  // threads that wait
  const std::size_t threads_max_;
  std::vector<std::thread> threads_;
};

class InlinePool final : public WorkerPool {
 public:
  explicit InlinePool(Loop& loop) : loop_(loop) {}
  void submit(std::function<void()> job, std::function<void()> done) override {
    loop_.post([job = std::move(job), done = std::move(done)] {
      job();
      done();
    });
  }

 private:
  Loop& loop_;
};

}  // namespace

std::unique_ptr<WorkerPool> make_thread_pool(Loop& loop, unsigned threads) {
  return std::make_unique<ThreadPool>(loop, threads);
}

std::unique_ptr<WorkerPool> make_inline_pool(Loop& loop) {
  return std::make_unique<InlinePool>(loop);
}

}  // namespace holdfast::io
