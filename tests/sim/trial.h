// One run of a scenario: what must be so, and the first thing that was not.
#pragma once

#include <string>
#include <vector>

#include "holdfast/core/base/secret.h"
#include "holdfast/core/cap/cap.h"
#include "holdfast/core/immutable/share_layout.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "sim/scenario.h"

namespace holdfast::sim {

/// The file and everything that must become of it, computed without a grid.
struct ExpectedFile {
  Bytes plaintext;
  cap::Key key;
  StorageIndex si;
  std::string cap;
  std::vector<Bytes> shares;
  Range data, plaintext_hashes, tail;  // of every share
  std::uint64_t share_bytes() const { return shares.front().size(); }
};
/// With a key of its own, or (none given) the convergent one.
ExpectedFile expect(const Scenario& scenario, const Bytes& plaintext, const Secret& convergence, const cap::Key* key);

struct Figures {
  std::uint64_t faults_met = 0, client_starts = 0, calls = 0, sent_bytes = 0, resent_bytes = 0, share_bytes = 0;
  double virtual_seconds = 0;
};

class Trial {
 public:
  Trial(io::SimulatedLoop& loop, bool verbose) : loop_(loop), verbose_(verbose) {}
  void violation(std::string what);
  void note(const std::string& what) const;
  bool verbose() const { return verbose_; }
  bool failed() const { return !first_.empty(); }
  const std::string& first() const { return first_; }
  Figures figures;

 private:
  io::SimulatedLoop& loop_;
  const bool verbose_;
  std::string first_;
};

}  // namespace holdfast::sim
