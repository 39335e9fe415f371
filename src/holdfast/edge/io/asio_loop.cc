#include "holdfast/edge/io/asio_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <ctime>

#include "holdfast/edge/io/task_group.h"

namespace holdfast::io {
namespace asio = boost::asio;
namespace {

class AsioTimer final : public Loop::Timer {
 public:
  AsioTimer(asio::io_context& context, Time when, Loop::Function f) : timer_(context) {
    timer_.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(when));
    // A timer that fires while it is being destroyed sees the dropped flag, not this object.
    timer_.async_wait([alive = std::weak_ptr<char>(alive_), f = std::move(f)](const auto& error) {
      if (!error && !alive.expired()) f();
    });
  }

 private:
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  asio::steady_timer timer_;
};

class AsioSignals final : public Loop::Timer {
 public:
  AsioSignals(asio::io_context& context, std::function<void(int)> f)
      : signals_(context, SIGINT, SIGTERM), f_(std::move(f)) {
    // Who started us with nohup wants us to outlive the terminal. (SIGINT is another matter: scripts ignore it in all that
    // runs in the background, where it is how an upload is stopped all the same.)
    struct sigaction inherited {};
    const bool wanted = ::sigaction(SIGHUP, nullptr, &inherited) != 0 || inherited.sa_handler != SIG_IGN;
    if (wanted) signals_.add(SIGHUP);
    wait();
  }

 private:
  void wait() {
    signals_.async_wait([this, alive = std::weak_ptr<char>(alive_)](const auto& error, int number) {
      if (error || alive.expired()) return;
      f_(number);
      wait();
    });
  }
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  asio::signal_set signals_;
  std::function<void(int)> f_;
};

}  // namespace

AsioLoop::AsioLoop() : context_(std::make_unique<asio::io_context>(1)) {}
AsioLoop::~AsioLoop() = default;

Time AsioLoop::now() const {
  return std::chrono::steady_clock::now();
}
std::int64_t AsioLoop::wall_seconds() const {
  return std::time(nullptr);
}
void AsioLoop::post(Function f) {
  asio::post(*context_, std::move(f));
}
void AsioLoop::post_from_any_thread(Function f) {
  asio::post(*context_, std::move(f));
}

std::unique_ptr<Loop::Timer> AsioLoop::at(Time when, Function f) {
  return std::make_unique<AsioTimer>(*context_, when, std::move(f));
}

std::unique_ptr<Loop::Timer> AsioLoop::on_signals(std::function<void(int)> f) {
  return std::make_unique<AsioSignals>(*context_, std::move(f));
}

void AsioLoop::run(Task<void> main, CancelScope& scope) {
  auto guard = asio::make_work_guard(*context_);
  TaskGroup group(scope);
  bool done = false;
  group.spawn([](Task<void> task, bool* finished) -> Task<void> {
    co_await std::move(task);
    *finished = true;
  }(std::move(main), &done));
  while (!done || group.running() > 0) context_->run_one();
}

}  // namespace holdfast::io
