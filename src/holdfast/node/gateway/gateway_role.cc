#include "holdfast/node/gateway/gateway_role.h"

#include "holdfast/node/gateway/file_routes.h"
#include "holdfast/node/gateway/upload_routes.h"

namespace holdfast::gateway {
namespace {

// A concatenation names up to a thousand uploads, each by its path, in one field.
constexpr std::size_t kHeadBytesMax = 80 * 1024, kHeaderFieldsMax = 128;

}  // namespace

GatewayRole::GatewayRole(const transfer::Context& context, RoleOptions options)
    : names_{std::move(options.host_names), std::move(options.origins)},
      shared_(context, options.limits),
      files_(shared_) {
  add_file_routes(routes_, files_, shared_);
  if (options.uploads.store.receiving_directory.empty()) return;
  uploads_ = std::make_unique<UploadHandles>(context, std::move(options.uploads));
  desk_ = std::make_unique<const UploadDesk>(UploadDesk{*uploads_, shared_, std::move(options.public_url)});
  add_upload_routes(routes_, *desk_);
}

Result<std::unique_ptr<GatewayRole>> GatewayRole::start(io::AsioLoop& loop, const transfer::Context& context,
                                                        RoleOptions options) {
  http::Server::Options listen;
  listen.host = options.host;
  listen.port = options.port;
  listen.listen_fd = options.listen_fd;
  listen.limits.head_bytes_max = kHeadBytesMax;
  listen.limits.headers_max = kHeaderFieldsMax;
  std::unique_ptr<GatewayRole> role(new GatewayRole(context, std::move(options)));
  HF_TRY(role->server_,
         http::Server::listen(loop, listen, make_web_handler(role->routes_, role->names_, role->shared_), context.log));
  return role;
}

io::Task<void> GatewayRole::serve() {
  io::TaskGroup tending(shared_.context.loop);
  tending.spawn(files_.tend());
  if (uploads_ != nullptr) {
    // Until this is done connections wait to be accepted: nobody is told of an upload that it is not there.
    const Result<void> opened = co_await uploads_->open();
    if (!opened) {
      shared_.context.log.error("uploads cannot be served: " + opened.error().what);
      tending.cancel();
      co_await tending.join();
      co_return;
    }
    tending.spawn(uploads_->run());
  }
  co_await server_->serve();
  tending.cancel();
  co_await tending.join();
}

}  // namespace holdfast::gateway
