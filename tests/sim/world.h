// The grid, its clients and the weather, from one scenario.
#pragma once

#include "holdfast/node/transfer/uploader.h"
#include "sim/client_node.h"

namespace holdfast::sim {

/// What a client uploads.
inline const std::string kSource = "/home/source";

/// Runs the whole life of a file. The first violation found is in the trial.
class World {
 public:
  World(io::SimulatedLoop& loop, Trial& trial, const Scenario& scenario);
  io::Task<void> run();

 private:
  io::Task<void> upload(ClientNode* client, bool first);
  io::Task<void> download(bool to_file);
  io::Task<void> repair();
  io::Task<void> look_at_the_end();

  /// Faults of an act happen while it lasts, and are over with it.
  io::Task<void> act(Act which);
  io::Task<void> perform(Act which);
  io::Task<void> verify();
  io::Task<void> rival(io::Duration after);
  io::Task<void> befall(Fault fault);
  io::Task<bool> pause(io::Duration time);
  io::Task<void> restart(Host* host, Fault fault);
  void link(bool down);
  void set_road(Host& host);

  transfer::UploadOptions upload_options() const;
  void check_cap(const std::string& cap, const std::string& when);
  void check_placed(const transfer::UploadReport* report, const std::string& when);
  void check_waste();
  void check_copies();
  void check_download(ClientNode& client);
  void learn_file(const std::string& cap);
  void forget_file();
  void damage();
  std::size_t good_hosts() const;
  std::set<ShareNumber> right_shares();
  io::Duration longest(Act which) const;
  std::size_t attempts_max() const { return scenario_.faults.size() + 4; }
  bool is_good(const Host& host) const;

  io::SimulatedLoop& loop_;
  Trial& trial_;
  const Scenario& scenario_;
  test::SeededRandom random_;
  Hosts hosts_;
  ClientNode client_, rival_;
  Bytes plaintext_;
  std::optional<ExpectedFile> file_;
  std::string cap_;
  std::map<unsigned, int> silenced_, refusing_;  // how many faults say so
  int link_down_ = 0;
  bool over_ = false;
  io::Event over_told_;
};

}  // namespace holdfast::sim
