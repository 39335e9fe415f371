// A worker pool on virtual time: each job takes a moment, and several overtake each other.
#pragma once

#include <map>

#include "holdfast/core/base/random.h"
#include "holdfast/edge/io/worker_pool.h"

namespace holdfast::sim {

class SlowPool final : public io::WorkerPool {
 public:
  SlowPool(io::Loop& loop, Random& random, io::Duration longest) : loop_(loop), random_(random), longest_(longest) {}

  /// The job runs at some time in between, whole: what two jobs of a real pool do at once happens here in either order.
  void submit(std::function<void()> job, std::function<void()> done) override {
    const std::uint64_t number = next_++;
    const auto half = static_cast<std::uint64_t>(longest_.count()) / 2 + 1;
    const auto part = [&] { return io::Duration(static_cast<io::Duration::rep>(random_.below(half))); };
    const io::Time begin = loop_.now() + part(), end = begin + part();
    auto finish = [this, number, done = std::move(done)] {
      timers_.erase(number);
      done();
    };
    timers_[number] = loop_.at(begin, [this, number, end, job = std::move(job), finish = std::move(finish)] {
      job();
      timers_[number] = loop_.at(end, finish);
    });
  }

 private:
  io::Loop& loop_;
  Random& random_;
  const io::Duration longest_;
  std::uint64_t next_ = 0;
  std::map<std::uint64_t, std::unique_ptr<io::Loop::Timer>> timers_;
};

}  // namespace holdfast::sim
