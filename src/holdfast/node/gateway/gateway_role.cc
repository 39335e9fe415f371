#include "holdfast/node/gateway/gateway_role.h"

#include "holdfast/node/gateway/file_routes.h"
#include "holdfast/node/gateway/page.h"

namespace holdfast::gateway {

GatewayRole::GatewayRole(const transfer::Context& context, RoleOptions options)
    : names_{std::move(options.host_names)}, shared_(context, options.limits), files_(shared_) {
  add_file_routes(routes_, files_, shared_);
  add_page_routes(routes_);
}

Result<std::unique_ptr<GatewayRole>> GatewayRole::start(io::AsioLoop& loop, const transfer::Context& context,
                                                        RoleOptions options) {
  http::Server::Options listen;
  listen.host = options.host;
  listen.port = options.port;
  listen.listen_fd = options.listen_fd;
  std::unique_ptr<GatewayRole> role(new GatewayRole(context, std::move(options)));
  HF_TRY(role->server_,
         http::Server::listen(loop, listen, make_web_handler(role->routes_, role->names_, role->shared_), context.log));
  return role;
}

io::Task<void> GatewayRole::serve() {
  io::TaskGroup tending(shared_.context.loop);
  tending.spawn(files_.tend());
  co_await server_->serve();
  tending.cancel();
  co_await tending.join();
}

}  // namespace holdfast::gateway
