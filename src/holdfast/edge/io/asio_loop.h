// The real loop: Boost.Asio behind the Loop port.
#pragma once

#include <memory>

#include "holdfast/edge/io/task.h"

namespace boost::asio {
class io_context;
}

namespace holdfast::io {

class AsioLoop final : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;

  Time now() const override;
  std::int64_t wall_seconds() const override;
  void post(Function f) override;
  void post_from_any_thread(Function f) override;
  std::unique_ptr<Timer> at(Time when, Function f) override;

  /// Runs the task to its end on the calling thread; `scope` may be cancelled from inside the loop.
  void run(Task<void> main, CancelScope& scope);

  /// Calls f from the loop at each SIGINT, SIGTERM or SIGHUP, with its number, while the returned object lives.
  [[nodiscard]] std::unique_ptr<Timer> on_signals(std::function<void(int)> f);

  boost::asio::io_context& context() { return *context_; }

 private:
  std::unique_ptr<boost::asio::io_context> context_;
};

}  // namespace holdfast::io
