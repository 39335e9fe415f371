#include "holdfast/node/helper/helper_role.h"

namespace holdfast::helper {

HelperRole::~HelperRole() = default;

io::Task<Result<std::unique_ptr<HelperRole>>> HelperRole::start(io::AsioLoop& loop, transfer::Context context,
                                                                RoleOptions options) {
  io::Log& log = context.log;
  std::unique_ptr<HelperRole> role(new HelperRole(std::move(context), std::move(options)));
  HF_CO_TRY_VOID(co_await role->service_.open());
  HF_CO_TRY(http::TlsServerContext tls, http::TlsServerContext::create(role->options_.node_pem));
  role->tls_.emplace(std::move(tls));
  http::Server::Options listen;
  listen.host = role->options_.host;
  listen.port = role->options_.port;
  listen.listen_fd = role->options_.listen_fd;
  listen.tls = &*role->tls_;
  http::Handler handler = make_helper_handler(role->service_, role->routes_, role->options_.secrets);
  HF_CO_TRY(role->server_, http::Server::listen(loop, listen, std::move(handler), log));
  co_return role;
}

io::Task<void> HelperRole::serve() {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(server_->serve());
  group.spawn(service_.run());
  co_await group.join();
}

}  // namespace holdfast::helper
