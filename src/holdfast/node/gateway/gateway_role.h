// The web gateway put together: listener, routes, open files.
#pragma once

#include <memory>
#include <string>

#include "holdfast/edge/http/server.h"
#include "holdfast/node/gateway/access.h"
#include "holdfast/node/gateway/file_table.h"
#include "holdfast/node/gateway/status_routes.h"
#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {

struct RoleOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  int listen_fd = -1;                   // socket activation
  std::vector<std::string> host_names;  // that clients may call it by, besides addresses and localhost; lower case
  std::vector<std::string> origins;     // of pages of other sites that may use it
  GatewayLimits limits;
  HandleOptions uploads;     // of uploads; without a directory there are none
  std::string public_url;    // as clients see this gateway; empty: as they say
  std::string tls_pem;       // certificate, chain and key; empty: plain HTTP
  std::string access_token;  // empty: everybody is let in
  std::string version;       // of the program, for /status
};

class GatewayRole {
 public:
  /// Listens. `context` outlives it. Errors: those of listening.
  static Result<std::unique_ptr<GatewayRole>> start(io::AsioLoop& loop, const transfer::Context& context,
                                                    RoleOptions options);

  std::uint16_t port() const { return server_->port(); }
  /// Takes over the uploads that an earlier process left; once, before serve(). Until then connections wait to be accepted: nobody is
  /// told of an upload that it is not there. Errors: io, no_space: what cannot be read is not served without it.
  io::Task<Result<void>> open();
  /// Until the scope is cancelled; then requests in progress get a moment and files are closed.
  io::Task<void> serve();
  const GatewayCounters& counters() const { return shared_.counters; }

 private:
  GatewayRole(const transfer::Context& context, RoleOptions options);

  const WebNames names_;
  const AccessGate gate_;
  std::optional<http::TlsServerContext> tls_;
  SharedState shared_;
  FileTable files_;
  std::unique_ptr<UploadHandles> uploads_;
  std::unique_ptr<const UploadDesk> desk_;
  NodeStatus status_;
  std::unique_ptr<const StatusDesk> status_desk_;
  RouteTable routes_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace holdfast::gateway
