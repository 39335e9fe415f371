#include "sim/network.h"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::size_t kOnTheWayMax = 64 * 1024;

io::Task<Result<void>> told(io::Event& event) {
  const bool woken = co_await event.wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

io::Task<Result<void>> pass(io::Duration time) {
  const bool slept = co_await io::sleep_for(time);
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

}  // namespace

void Body::push(ByteView bytes) {
  append(waiting_, bytes);
  moved_.notify_all();
}

void Body::end() {
  ended_ = true;
  moved_.notify_all();
}

void Body::cut() {
  if (!ended_) cut_ = true;
  moved_.notify_all();
}

io::Task<Result<void>> Body::room() {
  while (waiting_.size() > kOnTheWayMax && !ended()) HF_CO_TRY_VOID(co_await io::with_timeout(kSilence, told(moved_)));
  co_return Result<void>{};
}

io::Task<Result<Bytes>> Body::take(std::size_t most) {
  while (waiting_.empty() && !ended()) HF_CO_TRY_VOID(co_await told(moved_));
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, waiting_.size()));
  Bytes out(waiting_.begin(), waiting_.begin() + count);
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  moved_.notify_all();
  if (out.empty() && cut_) co_return fail(Errc::unavailable, "the body ended early");
  co_return out;
}

Road::Road(io::SimulatedLoop& loop, Machine& machine, std::uint64_t seed)
    : loop_(loop), machine_(machine), random_(seed), changed_(loop) {
  latency_ = std::chrono::microseconds(200 << random_.below(10));  // to 100 ms
  per_byte_ = io::Duration(50 << random_.below(9));                // 20 MB/s to 80 kB/s
}

void Road::begin(const Scenario& scenario, Act act, unsigned server) {
  calls_ = 0;
  call_faults_.clear();
  for (const Fault& fault : scenario.faults) {
    if (is_of_a_call(fault) && fault.act == act && fault.server == server) call_faults_[fault.call] = fault;
  }
}

Fault Road::next_call() {
  const auto it = call_faults_.find(calls_++);
  if (it == call_faults_.end()) return {};
  ++faults_met;
  return it->second;
}

/// Waits while nothing passes.
io::Task<Result<void>> Road::audible() {
  const io::Time end = loop_.now() + kSilence;
  while (silent || absent || !machine_.powered()) {
    if (loop_.now() >= end) co_return fail(Errc::timeout, "no answer in time");
    HF_CO_TRY_VOID(co_await io::with_timeout(end - loop_.now(), told(changed_)));
  }
  co_return Result<void>{};
}

io::Task<Result<void>> Road::travel() {
  HF_CO_TRY_VOID(co_await pass(latency_ + io::Duration(static_cast<io::Duration::rep>(
                                              random_.below(static_cast<std::uint64_t>(latency_.count()))))));
  HF_CO_TRY_VOID(co_await audible());
  if (refuses || !machine_.up()) co_return fail(Errc::unavailable, "connection refused");
  co_return Result<void>{};
}

io::Task<Result<void>> Road::carry(std::size_t bytes) {
  HF_CO_TRY_VOID(co_await pass(per_byte_ * static_cast<io::Duration::rep>(bytes)));
  HF_CO_TRY_VOID(co_await audible());
  if (refuses || !machine_.up()) co_return fail(Errc::unavailable, "connection reset");
  co_return Result<void>{};
}

}  // namespace holdfast::sim
