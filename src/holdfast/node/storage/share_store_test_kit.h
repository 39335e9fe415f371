// A share store on a simulated disk and clock.
#pragma once

#include <optional>
#include <string>

#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/storage/share_store.h"
#include "support/seeded_random.h"

namespace holdfast::storage::test {

class QuietLog final : public io::Log {
 public:
  bool enabled(io::LogLevel) const override { return false; }
  void write(io::LogLevel, std::string_view) override {}
};

/// The machine: its disk and its clock outlive the store.
class Machine {
 public:
  explicit Machine(std::uint64_t seed = 1) : random_(seed), fs(random_) { furnish(); }
  /// `chance` decides what the disk keeps when the power fails.
  explicit Machine(Random& chance) : random_(1), fs(chance) { furnish(); }
  ~Machine() { stop(); }

  Result<void> start() {
    stop();
    store_ = std::make_unique<ShareStore>(world(), options);
    return run(store_->open());
  }
  /// A clean stop.
  void stop() {
    if (store_ != nullptr) finish(store_->flush());
    store_.reset();
  }
  /// The store's process dies, as nothing that it does any more reaches the disk.
  void kill() {
    fs.process_killed();
    stop();
  }
  void cut_power() {
    fs.power_off_from(0);
    stop();
    fs.power_cut();
  }
  ShareStore& store() { return *store_; }
  ShareStore::World world() { return {loop, *pool_, fs, log_}; }
  StorePaths paths() const { return StorePaths(options.directory); }

  void finish(io::Task<void> task) {
    io::CancelScope scope(loop);
    HF_CHECK(loop.run(std::move(task), scope));
  }
  template <class T>
  T run(io::Task<T> task) {
    std::optional<T> out;
    finish(into(std::move(task), &out));
    return std::move(*out);
  }
  /// The store tends itself for so long.
  void pass(std::chrono::seconds time) { finish(tend_for(store_.get(), time)); }

  io::SimulatedLoop loop;

 private:
  holdfast::test::SeededRandom random_;
  QuietLog log_;
  std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop);

 public:
  io::MemoryFileSystem fs;
  StoreOptions options;

 private:
  void furnish() {
    fs.set_clock([this] { return loop.wall_seconds() * 1'000'000'000; });
    options.directory = "/storage";
  }
  template <class T>
  static io::Task<void> into(io::Task<T> task, std::optional<T>* out) {
    T value = co_await std::move(task);
    out->emplace(std::move(value));
  }
  static io::Task<void> tend_for(ShareStore* store, std::chrono::seconds time) {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(store->tend());
    co_await io::sleep_for(time);
    group.cancel();
    co_await group.join();
    co_await store->flush();
  }

  std::unique_ptr<ShareStore> store_;
};

}  // namespace holdfast::storage::test
