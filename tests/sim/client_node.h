// A client's machine: its disk outlives its processes, of which one runs at a time.
#pragma once

#include <functional>
#include <memory>

#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/progress.h"
#include "sim/sim_storage_server.h"

namespace holdfast::sim {

using Hosts = std::vector<std::unique_ptr<Host>>;

class ClientNode {
 public:
  enum class Ended { by_itself, interrupted, late };
  using Work = std::function<io::Task<void>(const transfer::Context&, transfer::Progress&)>;

  ClientNode(io::SimulatedLoop& loop, Trial& trial, Hosts& hosts, std::uint64_t seed);

  /// One process. When it is interrupted, all its tasks end; a kill or a power cut loses what they lose.
  io::Task<Ended> run(const Work& work, io::Duration longest);
  /// Ends the process that runs, if any.
  void interrupt(const Fault& how);

  io::MemoryFileSystem& disk() { return disk_; }
  Secret convergence() const { return convergence_; }
  /// A durable file.
  void put_file(const std::string& path, const Bytes& content);
  /// Nothing when there is none.
  std::optional<Bytes> file(const std::string& path);

 private:
  io::SimulatedLoop& loop_;
  Trial& trial_;
  Hosts& hosts_;
  test::SeededRandom random_;
  QuietLog log_;
  SlowPool disk_pool_;
  std::unique_ptr<io::WorkerPool> cpu_pool_;
  io::MemoryFileSystem disk_;
  const Secret convergence_, lease_secret_;
  std::optional<Fault> interrupted_;
  bool running_ = false;
  io::Event woken_;
};

}  // namespace holdfast::sim
