#include "sim/client_node.h"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::chrono::milliseconds kDiskLongest(2), kLastBreath(20);
constexpr io::Duration kToStop = std::chrono::seconds(1), kLookEvery = std::chrono::seconds(10);
constexpr std::uint64_t kCallsMax = 20'000;  // whoever needs more is going round in circles

struct Process {
  transfer::Context context;
  transfer::Progress progress = {};
  bool finished = false;
};

io::Task<void> live(Process* process, const ClientNode::Work* work, io::Event* woken) {
  co_await (*work)(process->context, process->progress);
  process->finished = true;
  woken->notify_all();
}

io::Task<Result<void>> told(io::Event& event) {
  const bool woken = co_await event.wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

}  // namespace

ClientNode::ClientNode(io::SimulatedLoop& loop, Trial& trial, Hosts& hosts, std::uint64_t seed)
    : loop_(loop),
      trial_(trial),
      hosts_(hosts),
      random_(seed),
      disk_pool_(loop, random_, kDiskLongest),
      cpu_pool_(io::make_inline_pool(loop)),
      disk_(random_),
      convergence_(Bytes(32, 7)),
      lease_secret_(random_.bytes(32)),
      woken_(loop) {
  disk_.set_clock([this] { return loop_.wall_seconds() * 1'000'000'000; });
  HF_CHECK(disk_.make_directories("/home").has_value() && disk_.sync_directory("/").has_value());
}

void ClientNode::put_file(const std::string& path, const Bytes& content) {
  HF_CHECK(io::write_file_atomically(disk_, path, content).has_value());
}

std::optional<Bytes> ClientNode::file(const std::string& path) {
  for (int attempt = 0; attempt < 3; ++attempt) {  // a planned failure of the disk may hit this look
    Result<Bytes> bytes = io::read_file(disk_, path, 1U << 30);
    if (bytes) return std::move(*bytes);
    if (bytes.error().code == Errc::not_found) break;
  }
  return std::nullopt;
}

void ClientNode::interrupt(const Fault& how) {
  if (!running_) return;
  interrupted_ = how;
  woken_.notify_all();
}

io::Task<ClientNode::Ended> ClientNode::run(const Work& work, io::Duration longest) {
  ++trial_.figures.client_starts;
  std::vector<std::unique_ptr<SimStorageServer>> ports;
  Process process{
      {loop_, *cpu_pool_, disk_pool_, disk_, random_, log_, {}, {}, lease_secret_, convergence_, "/node/transfers"}};
  for (const auto& host : hosts_) {
    ports.push_back(std::make_unique<SimStorageServer>(trial_, *host));
    process.context.servers.push_back(ports.back().get());
  }
  interrupted_.reset();
  running_ = true;
  io::TaskGroup group(loop_);
  group.spawn(live(&process, &work, &woken_));
  const io::Time end = loop_.now() + longest;
  const std::uint64_t calls_max = trial_.figures.calls + kCallsMax;
  while (!process.finished && !interrupted_ && loop_.now() < end && trial_.figures.calls < calls_max &&
         !trial_.failed()) {
    static_cast<void>(co_await io::with_timeout(std::min<io::Duration>(end - loop_.now(), kLookEvery), told(woken_)));
  }
  running_ = false;
  Ended ended = process.finished ? Ended::by_itself : interrupted_ ? Ended::interrupted : Ended::late;
  const bool dies = ended == Ended::interrupted && interrupted_->kind != FaultKind::client_stop;
  if (dies) {
    trial_.note("the client dies");
    disk_.power_off_from(disk_.operations() + interrupted_->amount);
    if (interrupted_->amount > 0) static_cast<void>(co_await io::sleep_for(kLastBreath));
    disk_.power_off_from(disk_.operations());
  }
  const io::Time asked = loop_.now();
  group.cancel();
  co_await group.join();
  if (loop_.now() - asked > kToStop)
    trial_.violation("the client took " + std::to_string((loop_.now() - asked) / std::chrono::milliseconds(1)) +
                     " ms to stop");
  if (dies && interrupted_->kind == FaultKind::client_kill) disk_.process_killed();
  if (dies && interrupted_->kind == FaultKind::client_power_cut) disk_.power_cut();
  co_return ended;
}

}  // namespace holdfast::sim
