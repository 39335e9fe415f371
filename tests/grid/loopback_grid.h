// Real servers and their real client on loopback, in one loop: sockets, TLS, HTTP. Only the disks are in memory.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "holdfast/core/protocol/announcement.h"
#include "holdfast/edge/io/memory_file_system.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/node/grid/server_list.h"
#include "holdfast/node/storage/storage_role.h"
#include "holdfast/node/transfer/context.h"
#include "support/seeded_random.h"

namespace holdfast::test {

class LoopbackGrid {
 public:
  using Work = std::function<io::Task<void>(const transfer::Context&)>;

  /// Of many grids in one program the servers may have the same keys: making one takes a while.
  explicit LoopbackGrid(unsigned servers, const std::vector<std::string>& pems) : servers_(servers), pems_(pems) {
    HF_CHECK(files.make_directories("/home").has_value());
  }

  /// Serves while the work is done.
  void run(Work work) {
    io::CancelScope scope(loop_);
    loop_.run(all(std::move(work)), scope);
  }
  void put_file(const std::string& path, ByteView content) {
    HF_CHECK(io::write_file_atomically(files, path, content).has_value());
  }
  grid::HttpServerOptions client;

 private:
  struct Host {
    Host(io::Loop& loop, Random& random) : pool(io::make_inline_pool(loop)), files(random) {}
    std::unique_ptr<io::WorkerPool> pool;
    io::MemoryFileSystem files;
    std::unique_ptr<storage::StorageRole> role;
  };
  static constexpr std::string_view kSwissnum = "swissnum";

  io::Task<void> start(std::size_t number) {
    Host& host = *hosts_.emplace_back(std::make_unique<Host>(loop_, random_));
    storage::RoleOptions options;
    options.store.directory = "/storage";
    options.node_pem = pems_[number];
    options.swissnum = kSwissnum;
    storage::ShareStore::World world{loop_, *host.pool, host.files, log_};
    auto role = co_await storage::StorageRole::start(loop_, world, std::move(options));
    HF_CHECK(role.has_value());
    host.role = std::move(*role);
    protocol::Nurl nurl;
    nurl.spki = http::identity_of_pem(pems_[number]).value().spki;
    nurl.host = "127.0.0.1";
    nurl.port = host.role->port();
    nurl.swissnum = kSwissnum;
    ports_.push_back(grid::make_http_server(loop_, tls_, protocol::announcement_of(nurl), client));
  }
  io::Task<void> all(Work work) {
    for (std::size_t i = 0; i < servers_; ++i) co_await start(i);
    io::TaskGroup serving(co_await io::this_scope());
    for (const auto& host : hosts_) serving.spawn(host->role->serve());
    transfer::Context context{loop_,
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
    for (const auto& port : ports_) context.servers.push_back(port.get());
    co_await work(context);
    ports_.clear();
    serving.cancel();
    co_await serving.join();
  }

  const std::size_t servers_;
  const std::vector<std::string>& pems_;
  io::AsioLoop loop_;
  SeededRandom random_{1};
  io::NullLog log_;
  std::unique_ptr<io::WorkerPool> pool_ = io::make_inline_pool(loop_);
  http::TlsClientContext tls_ = http::TlsClientContext::create().value();
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<grid::StorageServer>> ports_;

 public:
  io::MemoryFileSystem files{random_};  // of the client
};

inline std::vector<std::string> make_pems(unsigned count) {
  SeededRandom random(1);
  std::vector<std::string> out;
  for (unsigned i = 0; i < count; ++i) out.push_back(http::make_self_signed_pem(random, "holdfast test").value());
  return out;
}

}  // namespace holdfast::test
