// A storage server's machine: its disk, its process (the real share store), and how both are ended and begun.
#pragma once

#include <optional>
#include <string>

#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/storage/share_store.h"
#include "sim/slow_pool.h"
#include "support/seeded_random.h"

namespace holdfast::sim {

class QuietLog final : public io::Log {
 public:
  bool enabled(io::LogLevel) const override { return false; }
  void write(io::LogLevel, std::string_view) override {}
};

class Machine {
 public:
  enum class Ending { kill, power_cut };

  Machine(io::SimulatedLoop& loop, std::uint64_t seed, bool resumes, bool read_only);

  /// The process: up when its store is open. Tries again while its disk fails.
  io::Task<void> start();
  /// After `operations` more on the disk nothing reaches it; then the process is gone.
  io::Task<void> stop(Ending ending, std::uint64_t operations);

  bool up() const { return up_ && !disk_stopped(); }
  bool powered() const { return powered_; }
  /// Connections do not outlive a process.
  unsigned starts() const { return starts_; }
  /// Runs in the process, and ends with it.
  void spawn(io::Task<void> task) { process_->spawn(std::move(task)); }
  storage::ShareStore& store() { return *store_; }
  storage::StorePaths paths() const { return storage::StorePaths(options_.directory); }
  io::MemoryFileSystem& disk() { return disk_; }
  /// So many bytes are free, until it is emptied again.
  void fill_disk(std::uint64_t free);
  void empty_disk();
  bool resumes() const { return options_.partial_retention_seconds > 0; }

 private:
  bool disk_stopped() const { return stopped_at_ && disk_.operations() > *stopped_at_; }

  io::SimulatedLoop& loop_;
  test::SeededRandom random_;
  QuietLog log_;
  SlowPool pool_;
  io::MemoryFileSystem disk_;
  storage::StoreOptions options_;
  io::Semaphore turn_;
  bool up_ = false, powered_ = true;
  unsigned starts_ = 0;
  std::optional<std::uint64_t> stopped_at_;
  std::unique_ptr<storage::ShareStore> store_;
  std::unique_ptr<io::TaskGroup> process_;
};

}  // namespace holdfast::sim
