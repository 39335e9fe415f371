// sim [--seed N] [--seeds COUNT] [--first N] [--verbose]: lives of files under faults, each from one seed.
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "sim/world.h"

namespace {

using namespace holdfast;
using namespace holdfast::sim;

struct Verdict {
  std::string problem;
  Figures figures;
};

unsigned seconds_max = 60;  // of CPU time, for one run: nothing here waits for anything else
std::string current;        // what a crash or a hang must name

void watch(unsigned seconds) {
  const itimerval once{{}, {static_cast<time_t>(seconds), 0}};
  ::setitimer(ITIMER_PROF, &once, nullptr);
}

void name_and_die(int signal) {
  static_cast<void>(!::write(2, current.data(), current.size()));
  static_cast<void>(!::write(2, signal == SIGPROF ? "\nhangs\n" : "\ncrashed\n", signal == SIGPROF ? 7 : 9));
  const int last = signal == SIGPROF ? SIGABRT : signal;
  ::signal(last, SIG_DFL);
  ::raise(last);
}

Verdict run(const Scenario& scenario, bool verbose) {
  current = to_string(scenario);
  watch(seconds_max);
  io::SimulatedLoop loop;
  Trial trial(loop, verbose);
  {
    World world(loop, trial, scenario);
    io::CancelScope scope(loop);
    if (!loop.run(world.run(), scope)) {
      std::fprintf(stderr, "%s\neverything waits for ever\n", current.c_str());
      ::_exit(1);  // what waits cannot be destroyed
    }
  }
  watch(0);
  return {trial.first(), trial.figures};
}

/// Fewer faults that fail as well: each is left out in turn.
Scenario shrink(Scenario scenario) {
  for (std::size_t i = 0; i < scenario.faults.size();) {
    Scenario fewer = scenario;
    fewer.faults.erase(fewer.faults.begin() + static_cast<std::ptrdiff_t>(i));
    if (run(fewer, false).problem.empty())
      ++i;
    else
      scenario = fewer;
  }
  return scenario;
}

std::uint64_t number(const char* text) {
  return std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1, count = 300;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--verbose") == 0)
      verbose = true;
    else if (has_value && std::strcmp(argv[i], "--seed") == 0)
      first = number(argv[++i]), count = 1;
    else if (has_value && std::strcmp(argv[i], "--seconds-max") == 0)
      seconds_max = static_cast<unsigned>(number(argv[++i]));
    else if (has_value && std::strcmp(argv[i], "--first") == 0)
      first = number(argv[++i]);
    else if (has_value && std::strcmp(argv[i], "--seeds") == 0)
      count = number(argv[++i]);
    else
      return std::fprintf(stderr, "usage: sim [--seed N | --first N --seeds COUNT] [--verbose]\n"), 2;
  }
  for (int signal : {SIGABRT, SIGSEGV, SIGPROF}) ::signal(signal, name_and_die);
  const auto begin = std::chrono::steady_clock::now();
  Figures sum;
  std::uint64_t failed = 0, faults = 0;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const Scenario scenario = draw_scenario(seed);
    faults += scenario.faults.size();
    const Verdict verdict = run(scenario, verbose);
    sum.faults_met += verdict.figures.faults_met;
    sum.calls += verdict.figures.calls;
    sum.client_starts += verdict.figures.client_starts;
    sum.sent_bytes += verdict.figures.sent_bytes;
    sum.share_bytes += verdict.figures.share_bytes;
    sum.resent_bytes += verdict.figures.resent_bytes;
    sum.virtual_seconds += verdict.figures.virtual_seconds;
    if (verdict.problem.empty()) continue;
    ++failed;
    const Scenario small = shrink(scenario);
    std::printf("FAILED: %s\n%s\n", run(small, false).problem.c_str(), to_string(small).c_str());
    std::fflush(stdout);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto per_seed = [&](std::uint64_t value) { return static_cast<double>(value) / static_cast<double>(count); };
  std::printf(
      "%llu seeds, %llu failed; %.0f a minute; per seed %.1f faults drawn, %.1f met, %.0f calls, %.1f client "
      "processes, %.0f s of virtual time; "
      "sent %.3f times the shares' bytes, %.4f of them held already\n",
      static_cast<unsigned long long>(count), static_cast<unsigned long long>(failed),
      static_cast<double>(count) / seconds * 60, per_seed(faults), per_seed(sum.faults_met), per_seed(sum.calls),
      per_seed(sum.client_starts), sum.virtual_seconds / static_cast<double>(count),
      static_cast<double>(sum.sent_bytes) / static_cast<double>(sum.share_bytes),
      static_cast<double>(sum.resent_bytes) / static_cast<double>(sum.share_bytes));
  return failed == 0 ? 0 : 1;
}
