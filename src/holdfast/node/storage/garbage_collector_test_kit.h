// A storage server's machine with shares to collect.
#pragma once

#include "holdfast/node/storage/garbage_collector.h"
#include "holdfast/node/storage/share_store_test_kit.h"
#include "holdfast/node/storage/upload_client_test_kit.h"

namespace holdfast::storage::test {

constexpr std::int64_t kDay = 86'400;

inline StorageIndex index_of(std::uint8_t first, std::uint8_t second = 0) {
  Bytes bytes(16, 0);
  bytes[0] = first;
  bytes[1] = second;
  return StorageIndex::from(bytes);
}

inline LeaseRequest lease_of(char who) {
  return {0, secret_of(who), secret_of('c')};
}

/// A machine on which shares lie about, with a collector that is restarted with the store.
class Collecting {
 public:
  explicit Collecting(std::uint64_t seed = 1) : machine(seed) { policy.enabled = true; }

  /// For so many days from now; negative: ended so long ago.
  std::uint32_t ends_in(std::int64_t days) {
    return static_cast<std::uint32_t>(machine.loop.wall_seconds() + days * kDay);
  }
  void put(const StorageIndex& si, ShareNumber number, const std::vector<std::uint32_t>& leases) {
    Bytes bytes = container_header(kShareBytes, static_cast<std::uint32_t>(leases.size()));
    bytes.resize(bytes.size() + kShareBytes, static_cast<std::uint8_t>(number));
    char who = 'A';
    for (const std::uint32_t expires : leases) append(bytes, encode_lease(lease_of(who++).at_rest(expires)));
    put_file(si, std::to_string(number), bytes);
  }
  void put_file(const StorageIndex& si, const std::string& name, const Bytes& bytes) {
    const std::string bucket = machine.paths().bucket(si);
    HF_CHECK(machine.fs.make_directories(bucket).has_value());
    const auto file = machine.fs.open(bucket + "/" + name, io::Open::create).value();
    HF_CHECK(file->write(0, bytes) && file->sync());
    for (std::string path = bucket; path != "/"; path = io::parent_path(path))
      HF_CHECK(machine.fs.sync_directory(path).has_value());
    HF_CHECK(machine.fs.sync_directory("/").has_value());
  }
  bool has(const StorageIndex& si, ShareNumber number) {
    return machine.fs.info(machine.paths().share(si, number)).has_value();
  }

  Result<void> start() {
    collector.reset();
    HF_TRY_VOID(machine.start());
    collector.emplace(machine.world(), machine.store(), policy);
    machine.finish(collector->open());
    return {};
  }
  void run(std::chrono::seconds time) { machine.finish(run_for(&*collector, time)); }
  /// Until it has a time that it trusts; and a whole cycle more.
  void settle() {
    run(std::chrono::hours(72) + std::chrono::minutes(7));
    run(std::chrono::hours(13));
  }
  std::uint64_t dropped() { return collector->counters().dropped; }

  static constexpr std::uint64_t kShareBytes = 500;
  Machine machine;
  ExpiryPolicy policy;
  std::optional<GarbageCollector> collector;

 private:
  static io::Task<void> run_for(GarbageCollector* collector, std::chrono::seconds time) {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(collector->run());
    co_await io::sleep_for(time);
    group.cancel();
    co_await group.join();
  }
};

inline io::Task<void> collect(ShareStore* store, StorageIndex si, ExpiryPolicy policy) {
  static_cast<void>(co_await store->collect(si, policy));
}

}  // namespace holdfast::storage::test
