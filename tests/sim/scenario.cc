#include "sim/scenario.h"

#include <algorithm>
#include <array>

#include "support/seeded_random.h"

namespace holdfast::sim {
namespace {

constexpr std::array kNames = {"cut_before",
                               "cut_after",
                               "cut_body",
                               "silence",
                               "twice",
                               "slow",
                               "kill",
                               "power_cut",
                               "partition",
                               "refused",
                               "disk_full",
                               "disk_error",
                               "client_stop",
                               "client_kill",
                               "client_power_cut",
                               "client_disk_error",
                               "link_down",
                               "clock_jump",
                               "stock",
                               "read_only",
                               "absent",
                               "liar",
                               "rival"};
static_assert(kNames.size() == static_cast<std::size_t>(FaultKind::kinds));

constexpr std::uint64_t kTenYears = 315'532'800;  // in seconds

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  /// Every order of magnitude is as likely as any other.
  std::uint64_t scale(std::uint64_t low, std::uint64_t high) {
    const std::uint64_t top = std::max(low, high >> below(64 - static_cast<unsigned>(__builtin_clzll(high / low))));
    return between(low, top);
  }
  std::chrono::milliseconds moment(std::uint64_t longest) { return std::chrono::milliseconds(scale(1, longest)); }

 private:
  test::SeededRandom random_;
};

Fault draw_fault(Dice& dice, const Scenario& scenario) {
  Fault out;
  const auto passing = static_cast<std::uint64_t>(FaultKind::stock);
  out.kind = static_cast<FaultKind>(dice.below(passing));
  // Power cuts and kills are what this is about.
  if (dice.one_in(6)) out.kind = dice.one_in(2) ? FaultKind::power_cut : FaultKind::client_power_cut;
  const std::uint64_t act = dice.below(10);
  out.act = act < 6 ? Act::upload : act < 8 ? Act::download : Act::repair;
  out.server = static_cast<unsigned>(dice.below(scenario.servers));
  out.call = static_cast<unsigned>(dice.scale(1, 30)) - 1;
  out.at = dice.moment(30'000);
  out.lasts = dice.moment(120'000);
  switch (out.kind) {
    case FaultKind::cut_body:
      out.amount = dice.below(scenario.file_bytes / scenario.k + 200);
      break;
    case FaultKind::twice:
    case FaultKind::slow:
      out.amount = dice.scale(1, 40'000);
      break;
    case FaultKind::kill:
    case FaultKind::power_cut:
    case FaultKind::client_kill:
    case FaultKind::client_power_cut:
      out.amount = dice.below(30);
      break;
    case FaultKind::disk_full:
      out.amount = dice.below(scenario.file_bytes / scenario.k + 4'096);
      break;
    case FaultKind::disk_error:
    case FaultKind::client_disk_error:
      out.amount = dice.below(60);
      break;
    case FaultKind::clock_jump:
      out.amount = dice.one_in(3) ? kTenYears + dice.below(2) : dice.scale(1, 200'000);
      break;
    default:
      break;
  }
  return out;
}

/// A large file, and a link that is down for longer than one server may be silent.
void only_long_outages(Dice& dice, Scenario& scenario) {
  scenario.file_bytes = dice.between(500'000, 1'000'000);
  scenario.segment_bytes = std::max(scenario.segment_bytes, scenario.file_bytes / 200);
  scenario.faults.clear();
  for (std::uint64_t i = dice.between(1, 3); i > 0; --i) {
    const std::chrono::milliseconds at(dice.below(5'000)), lasts(dice.between(20'000, 120'000));
    scenario.faults.push_back({FaultKind::link_down, Act::upload, 0, 0, at, lasts, 0});
  }
  // It is begun again while the link is still gone.
  if (dice.one_in(2)) {
    const FaultKind kind = dice.one_in(2) ? FaultKind::client_kill : FaultKind::client_power_cut;
    scenario.faults.push_back(
        {kind, Act::upload, 0, 0, std::chrono::milliseconds(dice.below(40'000)), {}, dice.below(30)});
  }
  if (dice.one_in(2)) {
    const std::chrono::milliseconds at(dice.below(6'000)), lasts(dice.between(5'000, 120'000));
    scenario.faults.push_back({FaultKind::link_down, Act::download, 0, 0, at, lasts, 0});
  }
}

}  // namespace

std::string_view to_string(Act act) {
  return act == Act::upload ? "upload" : act == Act::download ? "download" : "repair";
}
std::string_view to_string(FaultKind kind) {
  return kNames.at(static_cast<std::size_t>(kind));
}

bool is_of_a_call(const Fault& fault) {
  return fault.kind <= FaultKind::slow;
}
bool is_for_good(const Fault& fault) {
  return fault.kind >= FaultKind::stock;
}

std::string to_string(const Fault& fault) {
  std::string out(to_string(fault.kind));
  if (is_for_good(fault))
    return out + " server " + std::to_string(fault.server) +
           (fault.amount > 0 ? " how " + std::to_string(fault.amount) : "");
  out += " in " + std::string(to_string(fault.act)) + ", server " + std::to_string(fault.server);
  if (is_of_a_call(fault)) {
    out += ", call " + std::to_string(fault.call);
  } else {
    out += ", at " + std::to_string(fault.at.count()) + " ms for " + std::to_string(fault.lasts.count()) + " ms";
  }
  return out + ", amount " + std::to_string(fault.amount);
}

bool Scenario::has(FaultKind kind, unsigned server) const {
  return std::ranges::any_of(faults, [&](const Fault& each) { return each.kind == kind && each.server == server; });
}

std::uint64_t Scenario::lies_of(unsigned server) const {
  std::uint64_t out = 0;
  for (const Fault& each : faults) {
    if (each.kind == FaultKind::liar && each.server == server) out |= each.amount;
  }
  return out;
}

bool Scenario::only_the_link_fails() const {
  return std::ranges::all_of(faults, [](const Fault& each) {
    const bool of_a_client = each.kind >= FaultKind::client_stop && each.kind <= FaultKind::client_power_cut;
    return of_a_client || each.kind == FaultKind::link_down;
  });
}

Scenario draw_scenario(std::uint64_t seed) {
  Dice dice((seed + 1) * 0xd6e8feb86659fd93);
  Scenario out;
  out.seed = seed;
  if (dice.one_in(3)) {
    out.k = 2;
    out.n = 4;
    out.happy = 3;
    out.servers = static_cast<unsigned>(dice.between(4, 6));
  }
  out.file_bytes = dice.scale(56, 1'000'000);
  out.segment_bytes = std::max<std::uint64_t>(dice.scale(64, 131'072), out.file_bytes / 200);
  out.random_key = dice.one_in(5);
  const std::uint64_t passing = dice.one_in(8) ? 0 : dice.scale(1, 12);
  for (std::uint64_t i = 0; i < passing; ++i) out.faults.push_back(draw_fault(dice, out));
  // As many bad servers for good as leave enough good ones.
  const std::uint64_t bad = dice.below(out.servers - out.happy + 1);
  for (std::uint64_t i = 0; i < bad; ++i) {
    Fault fault;
    fault.server = static_cast<unsigned>(dice.below(out.servers));
    const std::uint64_t which = dice.below(6);
    fault.kind = which == 0 ? FaultKind::absent : which == 1 ? FaultKind::read_only : FaultKind::liar;
    if (fault.kind == FaultKind::liar)
      fault.amount = dice.one_in(4) ? dice.below(lie_all + 1) | 1 : std::uint64_t{1} << dice.below(10);
    out.faults.push_back(fault);
  }
  for (unsigned server = 0; server < out.servers; ++server) {
    if (dice.one_in(8)) out.faults.push_back({FaultKind::stock, Act::upload, server, 0, {}, {}, 0});
  }
  if (!out.random_key && dice.one_in(6))
    out.faults.push_back({FaultKind::rival, Act::upload, 0, 0, dice.moment(10'000), {}, 0});
  if (dice.one_in(25)) only_long_outages(dice, out);
  return out;
}

std::string to_string(const Scenario& scenario) {
  std::string out = "seed " + std::to_string(scenario.seed) + ": " + std::to_string(scenario.file_bytes) +
                    " bytes in segments of " + std::to_string(scenario.segment_bytes) + ", " +
                    std::to_string(scenario.k) + " of " + std::to_string(scenario.n) + ", happy " +
                    std::to_string(scenario.happy) + ", " + std::to_string(scenario.servers) + " servers" +
                    (scenario.random_key ? ", random key" : "");
  for (const Fault& fault : scenario.faults) out += "\n  " + to_string(fault);
  return out;
}

}  // namespace holdfast::sim
