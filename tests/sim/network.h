// What lies between a client and one server: time, breaks and silence, as the scenario has it.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "holdfast/edge/io/waiting.h"
#include "sim/machine.h"
#include "sim/scenario.h"

namespace holdfast::sim {

inline constexpr io::Duration kSilence = std::chrono::seconds(15);
inline constexpr io::Duration kCompleting = std::chrono::seconds(600);

/// The answer to one call: given by the server's process, or by its death.
template <class T>
class Reply {
 public:
  explicit Reply(io::Loop& loop) : loop_(loop), told_(loop) {}
  void give(Result<T> value) {
    if (value_) return;
    value_ = std::move(value);
    told_.notify_all();
  }
  bool given() const { return value_.has_value(); }
  /// Errors: timeout, cancelled, and the answer's.
  io::Task<Result<T>> wait(io::Duration longest) {
    const io::Time end = loop_.now() + longest;
    while (!value_) HF_CO_TRY_VOID(co_await io::with_timeout(end - loop_.now(), tell()));
    co_return *value_;
  }

 private:
  io::Task<Result<void>> tell() {
    const bool woken = co_await told_.wait();
    if (!woken) co_return fail(Errc::cancelled, "stopped");
    co_return Result<void>{};
  }
  io::Loop& loop_;
  std::optional<Result<T>> value_;
  io::Event told_;
};

/// The body of a write on its way: what the client has sent and the server not yet read.
class Body {
 public:
  explicit Body(io::Loop& loop) : moved_(loop) {}
  void push(ByteView bytes);
  void end();
  void cut();
  bool ended() const { return ended_ || cut_; }
  /// Waits until the server has read what was pushed, nearly. Errors: timeout, cancelled.
  io::Task<Result<void>> room();
  /// Up to `most` bytes, as many as are to be had; none at the end. Errors: unavailable (cut), cancelled.
  io::Task<Result<Bytes>> take(std::size_t most);

 private:
  Bytes waiting_;
  bool ended_ = false, cut_ = false;
  io::Event moved_;
};

/// The way to one server; all clients share it.
class Road {
 public:
  Road(io::SimulatedLoop& loop, Machine& machine, std::uint64_t seed);

  /// Call faults of the act that begins.
  void begin(const Scenario& scenario, Act act, unsigned server);
  Fault next_call();

  /// Errors: unavailable, timeout, cancelled.
  io::Task<Result<void>> travel();
  /// So many bytes pass.
  io::Task<Result<void>> carry(std::size_t bytes);

  bool silent = false, refuses = false;
  bool absent = false;  // for good
  void changed() { changed_.notify_all(); }

  Machine& machine() { return machine_; }
  io::SimulatedLoop& loop() { return loop_; }
  test::SeededRandom& random() { return random_; }
  std::uint64_t faults_met = 0;

 private:
  io::Task<Result<void>> audible();
  io::SimulatedLoop& loop_;
  Machine& machine_;
  test::SeededRandom random_;
  io::Duration latency_, per_byte_;
  unsigned calls_ = 0;
  std::map<unsigned, Fault> call_faults_;
  io::Event changed_;
};

}  // namespace holdfast::sim
