// A storage server put together: store, TLS, routes, metrics.
#pragma once

#include <memory>
#include <string>

#include "holdfast/edge/http/server.h"
#include "holdfast/node/storage/garbage_collector.h"
#include "holdfast/node/storage/storage_routes.h"

namespace holdfast::storage {

struct RoleOptions {
  StoreOptions store;
  ExpiryPolicy expiry;
  std::string node_pem;  // private/node.pem
  std::string swissnum;
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int listen_fd = -1;  // socket activation
  std::string application_version;
  std::optional<std::uint16_t> admin_port;  // plain HTTP on 127.0.0.1: /metrics; 0 for any free one
};

/// One storage server. Listens when started; serves while serve() runs.
class StorageRole {
 public:
  static io::Task<Result<std::unique_ptr<StorageRole>>> start(io::AsioLoop& loop, ShareStore::World world,
                                                              RoleOptions options);
  ~StorageRole();

  std::uint16_t port() const { return server_->port(); }
  std::uint16_t admin_port() const { return admin_ ? admin_->port() : std::uint16_t{0}; }
  /// Until the scope is cancelled; then a clean stop: journals are flushed, resumable uploads stay.
  io::Task<void> serve();
  std::string metrics() const;

 private:
  StorageRole(ShareStore::World world, RoleOptions options)
      : options_(std::move(options)), store_(world, options_.store), collector_(world, store_, options_.expiry) {}

  const RoleOptions options_;
  ShareStore store_;
  GarbageCollector collector_;
  RouteCounters routes_;
  std::optional<http::TlsServerContext> tls_;
  std::unique_ptr<http::Server> server_, admin_;
};

}  // namespace holdfast::storage
