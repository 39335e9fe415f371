#include "holdfast/node/gateway/gateway_role.h"

#include "holdfast/node/gateway/cross_origin.h"
#include "holdfast/node/gateway/file_routes.h"
#include "holdfast/node/gateway/page.h"
#include "holdfast/node/gateway/upload_routes.h"

namespace holdfast::gateway {
namespace {

/// Also when a proxy in front speaks it.
bool clients_speak_tls(const RoleOptions& options) {
  return !options.tls_pem.empty() || options.public_url.starts_with("https://");
}

}  // namespace

GatewayRole::GatewayRole(const transfer::Context& context, RoleOptions options)
    : names_{std::move(options.host_names), std::move(options.origins)},
      gate_(Secret(view_of(options.access_token)), clients_speak_tls(options)),
      shared_(context, options.limits),
      files_(shared_),
      status_(shared_.context) {
  add_file_routes(routes_, files_, shared_);
  add_page_routes(routes_);
  if (!options.uploads.store.receiving_directory.empty()) {
    options.uploads.committed = [this](const UploadResult& result) {
      const cap::Cap cap = cap::parse_cap(result.cap);
      if (const auto* file = std::get_if<cap::ChkReadCap>(&cap)) shared_.digests.add(file_id_of(*file), result.sha256);
    };
    uploads_ = std::make_unique<UploadHandles>(context, std::move(options.uploads));
    desk_ = std::make_unique<const UploadDesk>(
        UploadDesk{*uploads_, shared_, std::move(options.public_url), !options.tls_pem.empty()});
    add_upload_routes(routes_, *desk_);
  }
  status_desk_ =
      std::make_unique<const StatusDesk>(StatusDesk{status_, uploads_.get(), shared_, std::move(options.version)});
  add_status_routes(routes_, *status_desk_);
}

Result<std::unique_ptr<GatewayRole>> GatewayRole::start(io::AsioLoop& loop, const transfer::Context& context,
                                                        RoleOptions options) {
  http::Server::Options listen;
  listen.host = options.host;
  listen.port = options.port;
  listen.listen_fd = options.listen_fd;
  listen.limits = options.limits.http;
  const std::string pem = options.tls_pem;
  std::unique_ptr<GatewayRole> role(new GatewayRole(context, std::move(options)));
  listen.refusal_fields = [&names = role->names_](std::string_view origin, http::Headers& headers) {
    if (names.lists(origin)) allow_reading(headers, std::string(origin));
  };
  if (!pem.empty()) {
    HF_TRY(http::TlsServerContext tls, http::TlsServerContext::create(pem));
    role->tls_.emplace(std::move(tls));
    listen.tls = &*role->tls_;
  }
  HF_TRY(role->server_,
         http::Server::listen(loop, listen, make_web_handler(role->routes_, role->names_, role->gate_, role->shared_),
                              context.log));
  return role;
}

io::Task<Result<void>> GatewayRole::open() {
  if (uploads_ == nullptr) co_return Result<void>{};
  co_return co_await uploads_->open();
}

io::Task<void> GatewayRole::serve() {
  io::TaskGroup tending(shared_.context.loop);
  tending.spawn(files_.tend());
  if (uploads_ != nullptr) tending.spawn(uploads_->run());
  co_await server_->serve();
  tending.cancel();
  co_await tending.join();
}

}  // namespace holdfast::gateway
