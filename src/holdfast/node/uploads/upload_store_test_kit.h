// An upload store on a simulated disk and clock.
#pragma once

#include <optional>
#include <string>

#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/node/uploads/upload_store.h"
#include "support/seeded_random.h"

namespace holdfast::uploads::test {

class QuietLog final : public io::Log {
 public:
  bool enabled(io::LogLevel) const override { return false; }
  void write(io::LogLevel, std::string_view) override {}
};

inline io::Task<void> tend_for(UploadStore* store, std::chrono::seconds time) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(store->tend());
  co_await io::sleep_for(time);
  group.cancel();
  co_await group.join();
}

/// The machine: its disk and its clock outlive the store.
class Machine {
 public:
  explicit Machine(std::uint64_t seed = 1) : random_(seed), fs(random_) {
    options.receiving_directory = "/spool/incoming";
    options.sealed_directory = "/spool/encoding";
    options.token_key_path = "/spool/token.key";
    options.free_bytes_min = 0;
  }

  Result<void> start() {
    store_ = std::make_unique<UploadStore>(UploadStore::World{loop, *pool_, fs, random_, log_}, options);
    return run(store_->open());
  }
  void kill() {
    fs.process_killed();
    store_.reset();
  }
  void cut_power() {
    store_.reset();
    fs.power_cut();
  }
  UploadStore& store() { return *store_; }
  void pass(std::chrono::seconds time) { finish(tend_for(store_.get(), time)); }

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

  Result<UploadPtr> create(const std::string& name, std::optional<std::uint64_t> length) {
    UploadStore::NewUpload wanted{name, Hash::from(Bytes(32, 1)), length, to_bytes("about " + name)};
    return run(store_->create(std::move(wanted)));
  }
  /// All of it in pieces of `step`, durable at the end.
  Result<void> send(const UploadPtr& upload, ByteView bytes, std::size_t step = 300'000) {
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      HF_TRY_VOID(run(
          store_->append(upload, upload->written, to_buffer(bytes.subspan(at, std::min(step, bytes.size() - at))))));
    }
    return run(store_->sync(upload));
  }
  Result<Bytes> read(const UploadPtr& upload, std::size_t count) {
    Bytes out(count);
    HF_TRY_VOID(upload->files.read(0, out));
    return out;
  }

 private:
  template <class T>
  static io::Task<void> into(io::Task<T> task, std::optional<T>* out) {
    out->emplace(co_await std::move(task));
  }
  holdfast::test::SeededRandom random_;
  QuietLog log_;

 public:
  io::SimulatedLoop loop;
  io::MemoryFileSystem fs;
  StoreOptions options;

 private:
  std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop);
  std::unique_ptr<UploadStore> store_;
};

inline Bytes random_bytes(std::size_t count, std::uint64_t seed) {
  Bytes out(count);
  holdfast::test::SeededRandom(seed).fill(out);
  return out;
}

inline std::vector<Hash> pieces_of(ByteView bytes) {
  resume::PieceDigests digests;
  digests.update(bytes);
  std::vector<Hash> out;
  for (std::uint64_t i = 0; i < digests.count(); ++i) out.push_back(*digests.at(i));
  return out;
}

}  // namespace holdfast::uploads::test
