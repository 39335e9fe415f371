// What happens in one simulated life of a file: drawn from a seed, printable, and smaller by any one fault.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::sim {

enum class Act { upload, download, repair };
std::string_view to_string(Act act);

enum class FaultKind {
  // of one call, the nth that the server gets in this act
  cut_before,  // the question is lost
  cut_after,   // the work is done, the answer is lost
  cut_body,    // a write breaks after `amount` bytes (any other call: as cut_before)
  silence,     // the work is done, nothing is heard
  twice,       // the question arrives a second time, `amount` ms later
  slow,        // the answer takes `amount` ms more
  // of a server, at a time
  kill,        // and started again after `lasts`; the disk stops `amount` operations later
  power_cut,   // the same, with what that means to the disk
  partition,   // neither question nor answer passes
  refused,     // connections are refused
  disk_full,   // `amount` bytes are free
  disk_error,  // operation number `amount` from now fails
  // of the client, at a time
  client_stop,  // Ctrl-C
  client_kill,
  client_power_cut,
  client_disk_error,
  link_down,   // nobody is reached
  clock_jump,  // by `amount` seconds, forwards or (odd) backwards
  // of a server, for good
  stock,  // does not speak the extension
  read_only,
  absent,
  liar,   // `amount`: how (a bit each of Lie)
  rival,  // a second node uploads the same file at the same time
  kinds
};
std::string_view to_string(FaultKind kind);

enum Lie : std::uint64_t {
  lie_wrong_bytes = 1,  // in reads
  lie_short_reads = 2,
  lie_has_it = 4,         // shares it has not
  lie_holds_it = 8,       // ranges it has not
  lie_never_enough = 16,  // wants bytes again that it has
  lie_others_write = 32,  // somebody else is at it, for ever
  lie_version = 64,
  lie_errors = 128,  // any refusal for any call
  lie_drops = 256,   // says yes and stores nothing
  lie_denies = 512,  // has nothing, ever
  lie_all = 1023
};

struct Fault {
  FaultKind kind = FaultKind::kinds;
  Act act = Act::upload;
  unsigned server = 0;
  unsigned call = 0;
  std::chrono::milliseconds at{0}, lasts{0};
  std::uint64_t amount = 0;
};
std::string to_string(const Fault& fault);
bool is_of_a_call(const Fault& fault);
bool is_for_good(const Fault& fault);

struct Scenario {
  std::uint64_t seed = 0;
  unsigned k = 3, happy = 7, n = 10, servers = 10;
  std::uint64_t file_bytes = 0, segment_bytes = 0;
  bool random_key = false;
  std::vector<Fault> faults;

  bool has(FaultKind kind, unsigned server) const;
  std::uint64_t lies_of(unsigned server) const;
  /// As a whole, or the client at its end.
  bool only_the_link_fails() const;
};
Scenario draw_scenario(std::uint64_t seed);
std::string to_string(const Scenario& scenario);

}  // namespace holdfast::sim
