#include "holdfast/cli/gateway_node.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <filesystem>

#include "holdfast/cli/activated_socket.h"
#include "holdfast/cli/free_port.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/own_nurl.h"
#include "holdfast/cli/version.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/edge/http/tls.h"

namespace holdfast::cli {
namespace {

constexpr std::uint64_t kCfgBytesMax = 1'048'576;
constexpr std::uint64_t kTombstoneSeconds = 604'800;

/// Of "tcp:3456:interface=127.0.0.1", "tcp:3456", "3456": the port, 0 when there is none.
std::uint16_t port_of(std::string_view endpoint) {
  if (endpoint.starts_with("tcp:")) endpoint.remove_prefix(4);
  const auto port = protocol::parse_decimal(endpoint.substr(0, endpoint.find(':')));
  return port && *port <= 65'535 ? static_cast<std::uint16_t>(*port) : std::uint16_t{0};
}

/// Addresses as the system writes them.
bool is_loopback(const std::string& host) {
  in_addr number{};
  if (host.starts_with("127.")) return ::inet_pton(AF_INET, host.c_str(), &number) == 1;
  return host.starts_with("::ffff:127.") || host == "::1" || host == "localhost";
}

std::string url_of(const std::string& host, std::uint16_t port, bool tls = false) {
  const bool anywhere = host == "0.0.0.0" || host == "::";
  const std::string name = anywhere ? "127.0.0.1" : host.find(':') == std::string::npos ? host : "[" + host + "]";
  return (tls ? "https://" : "http://") + name + ":" + std::to_string(port) + "/";
}

/// What is there, or is made now.
Result<std::string> private_text(World& world, const config::NodeDirectory& node, const std::string& name,
                                 Result<std::string> (*make)(World&)) {
  Result<std::string> text = node.read_private(name);
  if (text || text.error().code != Errc::not_found) return text;
  HF_TRY(const std::string made, make(world));
  HF_TRY_VOID(node.write_private(name, made + "\n"));
  return made;
}

Result<std::string> access_token(World& world, const config::NodeDirectory& node) {
  const auto make = [](World& with) -> Result<std::string> { return config::make_swissnum(with.random); };
  return private_text(world, node, "gateway-token", make);
}

/// The operator's certificate and key, or our own.
Result<std::string> tls_pem(World& world, const config::NodeDirectory& node, const config::GatewayCfg& own) {
  if (own.tls_certificate.empty()) {
    const auto make = [](World& with) { return http::make_self_signed_pem(with.random, "holdfast gateway"); };
    return private_text(world, node, "gateway.pem", make);
  }
  const auto read = [&](const std::string& name) -> Result<std::string> {
    const std::string path = name.starts_with('/') ? name : node.path() + "/" + name;
    HF_TRY(const Bytes bytes, io::read_file(world.files, path, kCfgBytesMax));
    return std::string(text_of(bytes));
  };
  HF_TRY(const std::string certificate, read(own.tls_certificate));
  if (own.tls_key.empty()) return certificate;  // both in one file
  HF_TRY(const std::string key, read(own.tls_key));
  return certificate + "\n" + key;
}

/// The spool holds plaintext: it is for its owner alone.
Result<gateway::HandleOptions> upload_options(World& world, const ClientNode& client, const config::GatewayCfg& own) {
  gateway::HandleOptions out;
  const std::string spool = client.directory().path() + "/uploads";
  HF_TRY_VOID(io::make_lasting_directory(world.files, spool));
  std::error_code problem;
  std::filesystem::permissions(spool, std::filesystem::perms::owner_all, problem);
  if (problem) return fail(Errc::io, spool + ": " + problem.message());
  out.store.receiving_directory = out.store.sealed_directory = spool;
  out.store.token_key_path = client.directory().private_path("upload-url.key");
  out.store.free_bytes_min = own.free_bytes_min;
  out.store.bytes_max = own.spool_bytes_max.value_or(out.store.bytes_max);
  out.store.upload_bytes_max = own.upload_bytes_max.value_or(out.store.upload_bytes_max);
  out.store.uploads_max = own.uploads_max;
  out.store.retention_seconds = out.store.result_seconds = own.retention_seconds;
  out.store.tombstone_seconds = kTombstoneSeconds;
  out.store.whole_digest = out.store.keeps_empty = true;
  out.shape.k = client.config().shares_needed;
  out.shape.happy = client.config().shares_happy;
  out.shape.n = client.config().shares_total;
  return out;
}

/// The file with a section of ours behind what is there.
Result<void> add_section(World& world, const config::NodeDirectory& node, const std::string& section) {
  const std::string path = node.path() + "/holdfast.cfg";
  const Result<Bytes> former = io::read_file(world.files, path, kCfgBytesMax);
  if (!former && former.error().code != Errc::not_found) return tl::make_unexpected(former.error());
  return node.write_public("holdfast.cfg", former ? std::string(text_of(*former)) + "\n" + section : section);
}

}  // namespace

Result<std::string> create_gateway_node(World& world, const std::string& path, const GatewayNodeWishes& asked) {
  const config::NodeDirectory node(world.files, path);
  const Result<std::string> servers = node.read_private("servers.nurl");
  if (!servers && servers.error().code != Errc::not_found) return tl::make_unexpected(servers.error());
  if (!servers) HF_TRY_VOID(create_client_node(world, path, {asked.nurls}));
  HF_TRY(const config::HoldfastCfg own, node.holdfast_cfg());
  if (own.gateway.port) {
    warn_of_port(path, *own.gateway.port, asked.port);
    return url_of(own.gateway.bind, *own.gateway.port, own.gateway.tls || !own.gateway.tls_certificate.empty());
  }
  std::uint16_t port = asked.port;
  if (port == 0) {
    HF_TRY(const config::TahoeCfg tahoe, node.tahoe_cfg());
    port = port_of(tahoe.web_port);
  }
  if (port == 0) {
    HF_TRY(port, choose_port(own.gateway.bind, world.random));
  }
  HF_TRY_VOID(add_section(world, node, "[gateway]\nport = " + std::to_string(port) + "\n"));
  return url_of(own.gateway.bind, port);
}

io::Task<Result<std::unique_ptr<GatewayNode>>> start_gateway(World& world, std::string path, int listen_fd) {
  const config::NodeDirectory node(world.files, path);
  HF_CO_TRY(const config::HoldfastCfg own, node.holdfast_cfg());
  if (!own.gateway.port) co_return std::unique_ptr<GatewayNode>();
  const bool tls = own.gateway.tls || !own.gateway.tls_certificate.empty();
  std::string host = own.gateway.bind;
  if (listen_fd >= 0) {
    HF_CO_TRY(host, address_of_socket(listen_fd));
  }
  const bool beyond = !is_loopback(host);
  if (beyond && !tls && !own.gateway.plain_http_beyond_loopback) {
    const std::string which = listen_fd < 0 ? "holdfast.cfg: [gateway] bind = " : "the socket that was passed is at ";
    co_return fail(Errc::malformed,
                   which + host +
                       ", which is beyond this machine, where caps and files would go unprotected; say "
                       "tls = yes, put a TLS proxy in front of 127.0.0.1, or say "
                       "plain_http_beyond_loopback = true in [gateway] of holdfast.cfg");
  }
  ClientNode::Options wishes;
  wishes.helper = "auto";
  HF_CO_TRY(std::unique_ptr<ClientNode> client, ClientNode::open(world, path, wishes));
  gateway::RoleOptions options;
  options.host = host;
  options.port = *own.gateway.port;
  options.listen_fd = listen_fd;
  options.host_names = own.gateway.hosts;
  options.version = std::string("holdfast/") + kVersion;
  if (tls) {
    HF_CO_TRY(options.tls_pem, tls_pem(world, node, own.gateway));
  }
  if (beyond || own.gateway.access_token) {
    HF_CO_TRY(options.access_token, access_token(world, node));
  }
  options.origins = own.gateway.origins;
  options.public_url = own.gateway.public_url;
  HF_CO_TRY(options.uploads, upload_options(world, *client, own.gateway));
  if (own.gateway.cache_bytes) options.limits.cache_bytes_max = *own.gateway.cache_bytes;
  HF_CO_TRY(std::unique_ptr<gateway::GatewayRole> role,
            gateway::GatewayRole::start(world.loop, client->context(), std::move(options)));
  HF_CO_TRY_VOID(co_await role->open());
  std::string url = url_of(host, role->port(), tls);
  HF_CO_TRY_VOID(node.write_public("node.url", url + "\n"));
  co_return std::make_unique<GatewayNode>(std::move(client), std::move(role), std::move(url));
}

io::Task<Result<std::unique_ptr<GatewayNode>>> start_grid_gateway(World& world, std::string grid_directory,
                                                                  std::optional<std::uint16_t> port,
                                                                  std::vector<std::string> nurls) {
  const std::string path = grid_directory + "/gateway";
  if (port) {
    GatewayNodeWishes wishes;
    wishes.port = *port;
    wishes.nurls = std::move(nurls);
    HF_CO_TRY_VOID(create_gateway_node(world, path, wishes));
  }
  const auto there = config::NodeDirectory(world.files, path).tahoe_cfg();
  if (!there && there.error().code == Errc::not_found) co_return std::unique_ptr<GatewayNode>();
  co_return co_await start_gateway(world, path, -1);
}

}  // namespace holdfast::cli
