#include "sim/world.h"

#include <algorithm>

namespace holdfast::sim {
namespace {

io::Task<Result<void>> told(io::Event& event) {
  const bool woken = co_await event.wait();
  if (!woken) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

}  // namespace

World::World(io::SimulatedLoop& loop, Trial& trial, const Scenario& scenario)
    : loop_(loop),
      trial_(trial),
      scenario_(scenario),
      random_(scenario.seed ^ 0x5eed),
      client_(loop, trial, hosts_, scenario.seed * 11 + 1),
      rival_(loop, trial, hosts_, scenario.seed * 13 + 2),
      over_told_(loop) {
  for (unsigned i = 0; i < scenario.servers; ++i) hosts_.push_back(std::make_unique<Host>(loop, trial, scenario, i));
  plaintext_ = random_.bytes(scenario.file_bytes);
}

bool World::is_good(const Host& host) const {
  return host.liar.honest() && !host.road.absent && !scenario_.has(FaultKind::read_only, host.number);
}

std::size_t World::good_hosts() const {
  return static_cast<std::size_t>(std::ranges::count_if(hosts_, [&](const auto& host) { return is_good(*host); }));
}

/// A generous bound: after the last fault a few of the longest back-offs; a silence is waited out as long as a write may
/// take to complete.
io::Duration World::longest(Act which) const {
  io::Duration out = std::chrono::minutes(5);
  for (const Fault& fault : scenario_.faults) {
    if (fault.act != which || is_for_good(fault)) continue;
    const bool waits = fault.kind == FaultKind::silence || fault.kind == FaultKind::power_cut;
    out += waits ? kCompleting + std::chrono::minutes(1) : std::chrono::minutes(1);
    if (!is_of_a_call(fault)) out += fault.at + fault.lasts;
  }
  return out;
}

io::Task<bool> World::pause(io::Duration time) {
  const io::Time end = loop_.now() + time;
  while (!over_ && loop_.now() < end) static_cast<void>(co_await io::with_timeout(end - loop_.now(), told(over_told_)));
  co_return !over_;
}

void World::set_road(Host& host) {
  host.road.silent = link_down_ > 0 || silenced_[host.number] > 0;
  host.road.refuses = refusing_[host.number] > 0;
  host.road.changed();
}

io::Task<void> World::restart(Host* host, Fault fault) {
  co_await host->machine.stop(fault.kind == FaultKind::kill ? Machine::Ending::kill : Machine::Ending::power_cut,
                              fault.amount);
  host->road.changed();
  static_cast<void>(co_await pause(fault.lasts));
  co_await host->machine.start();
  host->road.changed();
  if (host->liar.honest()) static_cast<void>(host->witness.look());
}

io::Task<void> World::befall(Fault fault) {
  const bool still = co_await pause(fault.at);
  if (!still) co_return;
  ++trial_.figures.faults_met;
  trial_.note(to_string(fault));
  Host& host = *hosts_[fault.server];
  switch (fault.kind) {
    case FaultKind::kill:
    case FaultKind::power_cut:
      co_return co_await restart(&host, fault);
    case FaultKind::partition:
      ++silenced_[fault.server];
      set_road(host);
      static_cast<void>(co_await pause(fault.lasts));
      --silenced_[fault.server];
      set_road(host);
      break;
    case FaultKind::refused:
      ++refusing_[fault.server];
      set_road(host);
      static_cast<void>(co_await pause(fault.lasts));
      --refusing_[fault.server];
      set_road(host);
      break;
    case FaultKind::link_down:
      ++link_down_;
      for (const auto& each : hosts_) set_road(*each);
      static_cast<void>(co_await pause(fault.lasts));
      --link_down_;
      for (const auto& each : hosts_) set_road(*each);
      break;
    case FaultKind::disk_full:
      host.machine.fill_disk(fault.amount);
      static_cast<void>(co_await pause(fault.lasts));
      host.machine.empty_disk();
      break;
    case FaultKind::disk_error:
      host.machine.disk().fail_operation(host.machine.disk().operations() + fault.amount, Errc::io);
      host.witness.disk_fails = true;
      break;
    case FaultKind::client_disk_error:
      client_.disk().fail_operation(client_.disk().operations() + fault.amount, Errc::io);
      break;
    case FaultKind::client_stop:
    case FaultKind::client_kill:
    case FaultKind::client_power_cut:
      client_.interrupt(fault);
      break;
    case FaultKind::clock_jump:
      loop_.jump_wall_clock(fault.amount % 2 == 0 ? static_cast<std::int64_t>(fault.amount)
                                                  : -static_cast<std::int64_t>(fault.amount));
      break;
    default:
      break;
  }
}

io::Task<void> World::rival(io::Duration after) {
  static_cast<void>(co_await pause(after));
  rival_.put_file(kSource, plaintext_);
  co_await upload(&rival_, false);
}

io::Task<void> World::act(Act which) {
  trial_.note("-- " + std::string(to_string(which)));
  over_ = false;
  for (const auto& host : hosts_) host->road.begin(scenario_, which, host->number);
  io::TaskGroup weather(loop_), rivals(loop_);
  for (const Fault& fault : scenario_.faults) {
    if (fault.kind == FaultKind::rival && which == Act::upload) rivals.spawn(rival(fault.at));
    if (!is_of_a_call(fault) && !is_for_good(fault) && fault.act == which) weather.spawn(befall(fault));
  }
  co_await perform(which);
  co_await rivals.join();
  over_ = true;
  over_told_.notify_all();
  co_await weather.join();
}

io::Task<void> World::perform(Act which) {
  switch (which) {
    case Act::upload:
      co_await upload(&client_, true);
      break;
    case Act::download:
      co_await download(true);
      co_await download(false);
      co_await verify();
      break;
    case Act::repair:
      co_await repair();
      co_await download(true);
      break;
  }
  for (const auto& host : hosts_) trial_.figures.faults_met += std::exchange(host->road.faults_met, 0);
}

/// All power fails at once: what was told must still be there.
io::Task<void> World::look_at_the_end() {
  for (const auto& host : hosts_) {
    co_await host->machine.stop(Machine::Ending::power_cut, 0);
    co_await host->machine.start();
    if (host->liar.honest() && !host->road.absent) static_cast<void>(host->witness.look());
  }
}

io::Task<void> World::run() {
  for (const auto& host : hosts_) co_await host->machine.start();
  client_.put_file(kSource, plaintext_);
  if (!scenario_.random_key) {
    file_ = expect(scenario_, plaintext_, client_.convergence(), nullptr);
    for (const auto& host : hosts_) host->witness.set_file(&*file_);
  }
  for (const Act which : {Act::upload, Act::download, Act::repair}) {
    co_await act(which);
    check_waste();
    if (which == Act::upload) check_copies();
    if (which == Act::upload && !trial_.failed())
      check_cap(cap_, "the first client's");  // a rival may have used another key
    if (trial_.failed()) break;
  }
  if (!trial_.failed()) co_await look_at_the_end();
  for (const auto& host : hosts_) co_await host->machine.stop(Machine::Ending::kill, 0);
  trial_.figures.virtual_seconds = std::chrono::duration<double>(loop_.now() - io::Time{}).count();
}

}  // namespace holdfast::sim
