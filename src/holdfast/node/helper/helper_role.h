// An upload helper put together: spool, service, TLS, routes.
#pragma once

#include "holdfast/node/helper/helper_routes.h"

namespace holdfast::helper {

struct RoleOptions {
  ServiceOptions service;
  RouteSecrets secrets;
  std::string node_pem;  // private/node.pem
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int listen_fd = -1;  // socket activation
};

/// Listens when started; serves while serve() runs.
class HelperRole {
 public:
  static io::Task<Result<std::unique_ptr<HelperRole>>> start(io::AsioLoop& loop, transfer::Context context,
                                                             RoleOptions options);
  ~HelperRole();

  std::uint16_t port() const { return server_->port(); }
  /// Until the scope is cancelled; then a clean stop: what was received is durable, the rest goes on at the next start.
  io::Task<void> serve();

 private:
  HelperRole(transfer::Context context, RoleOptions options)
      : options_(std::move(options)), service_(std::move(context), options_.service) {}

  const RoleOptions options_;
  HelperService service_;
  RouteCounters routes_;
  std::optional<http::TlsServerContext> tls_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace holdfast::helper
