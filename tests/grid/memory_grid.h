// A client's machine and the servers that it knows, all in memory and on virtual time.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "grid/memory_helper.h"
#include "grid/memory_server.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/node/transfer/downloader.h"
#include "holdfast/node/transfer/uploader.h"
#include "support/seeded_random.h"

namespace holdfast::test {

class MemorySink final : public transfer::Sink {
 public:
  io::Task<Result<void>> write(ByteView bytes) override {
    append(content, bytes);
    co_return Result<void>{};
  }
  Bytes content;
};

class MemoryGrid {
 public:
  explicit MemoryGrid(unsigned count, std::uint64_t seed = 1) : random_(seed), files(random_) { add_servers(count); }
  /// `chance` decides what the client's disk keeps when its power fails.
  MemoryGrid(unsigned count, Random& chance) : random_(1), files(chance) { add_servers(count); }

  io::SimulatedLoop loop;

 private:
  SeededRandom random_;
  io::NullLog log_;
  const std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop);

 public:
  io::MemoryFileSystem files;
  std::vector<std::unique_ptr<MemoryServer>> servers;
  std::vector<std::unique_ptr<MemoryHelper>> helpers;
  transfer::Patience patience;
  bool knows_servers = true;  // else the client knows helpers only

  MemoryHelper& add_helper() {
    transfer::Context its = context();
    its.helpers.clear();
    its.journal_directory = "/helper";
    return *helpers.emplace_back(std::make_unique<MemoryHelper>(its, static_cast<unsigned>(helpers.size())));
  }
  void put_file(const std::string& path, ByteView content) {
    HF_CHECK(files.make_directories(io::parent_path(path)).has_value());
    HF_CHECK(io::write_file_atomically(files, path, content).has_value());
    HF_CHECK(files.sync_all("/").has_value());
  }
  Result<transfer::UploadReport> upload(const std::string& path, transfer::UploadOptions options) {
    options.patience = patience;
    const transfer::Context here = context();
    transfer::Progress progress;
    return run(transfer::upload_file(here, path, std::move(options), progress));
  }
  Result<Bytes> download(const cap::Cap& cap) {
    transfer::DownloadOptions options;
    options.patience = patience;
    const transfer::Context here = context();
    transfer::Progress progress;
    MemorySink sink;
    HF_TRY(const transfer::DownloadReport report, run(transfer::download(here, cap, sink, options, progress)));
    warnings = report.warnings;
    return std::move(sink.content);
  }
  Result<transfer::DownloadReport> download_to(const std::string& path, const cap::Cap& cap) {
    transfer::DownloadOptions options;
    options.patience = patience;
    const transfer::Context here = context();
    transfer::Progress progress;
    return run(transfer::download_file(here, cap, path, options, progress));
  }
  /// Any other work of a client.
  void during(std::function<io::Task<void>(const transfer::Context&)> work) {
    const transfer::Context here = context();
    const bool done = run(finished(work(here)));
    HF_CHECK(done);
  }
  /// Somebody asked a server again and again.
  bool went_in_circles() const {
    return std::ranges::any_of(servers, [](const auto& server) { return server->calls > server->calls_max; });
  }
  std::vector<std::string> warnings;  // of the last download

 private:
  void add_servers(unsigned count) {
    for (unsigned i = 0; i < count; ++i) servers.push_back(std::make_unique<MemoryServer>(loop, i));
    patience.give_up_after = std::chrono::minutes(2);
  }
  transfer::Context context() {
    transfer::Context out{loop,
                          *pool_,
                          *pool_,
                          files,
                          random_,
                          log_,
                          {},
                          {},
                          Secret(Bytes(32, 8)),
                          Secret(Bytes(32, 7)),
                          "/node/transfers"};
    for (const auto& server : servers) out.servers.push_back(server.get());
    if (!knows_servers) out.servers.clear();
    for (const auto& helper : helpers) out.helpers.push_back(helper.get());
    return out;
  }
  static io::Task<bool> finished(io::Task<void> work) {
    co_await std::move(work);
    co_return true;
  }
  template <class T>
  static io::Task<void> into(io::Task<T> task, std::optional<T>* out) {
    T value = co_await std::move(task);
    out->emplace(std::move(value));
  }
  template <class T>
  T run(io::Task<T> task) {
    std::optional<T> out;
    io::CancelScope scope(loop);
    const bool ended = loop.run(into(std::move(task), &out), scope);
    HF_CHECK(ended);  // else everything waits for ever
    return std::move(*out);
  }
};

}  // namespace holdfast::test
