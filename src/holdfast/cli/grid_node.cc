#include "holdfast/cli/grid_node.h"

#include <algorithm>

#include "holdfast/cli/free_port.h"
#include "holdfast/cli/nurl_list.h"
#include "holdfast/cli/own_nurl.h"
#include "holdfast/cli/version.h"
#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::cli {
namespace {

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// "tcp:8098:interface=127.0.0.1", "tcp:8098", "8098".
Result<Endpoint> parse_tub_port(std::string_view text) {
  Endpoint out{"0.0.0.0", 0};
  if (text.starts_with("tcp:")) text.remove_prefix(4);
  const std::size_t colon = text.find(':');
  const auto port = protocol::parse_decimal(text.substr(0, colon));
  if (!port || *port == 0 || *port > 65'535) return fail(Errc::malformed, "tahoe.cfg: [node] tub.port is not tcp:PORT");
  out.port = static_cast<std::uint16_t>(*port);
  if (colon == std::string_view::npos) return out;
  constexpr std::string_view kInterface = "interface=";
  const std::string_view rest = text.substr(colon + 1);
  if (!rest.starts_with(kInterface))
    return fail(Errc::malformed, "tahoe.cfg: [node] tub.port is not tcp:PORT:interface=HOST");
  out.host = std::string(rest.substr(kInterface.size()));
  return out;
}

/// The first "tcp:HOST:PORT" between the commas.
std::optional<Endpoint> first_tcp_hint(std::string_view hints) {
  while (!hints.empty()) {
    std::string_view hint = hints.substr(0, hints.find(','));
    hints.remove_prefix(std::min(hints.size(), hint.size() + 1));
    if (!hint.starts_with("tcp:")) continue;
    hint.remove_prefix(4);
    const std::size_t colon = hint.rfind(':');
    const auto port = colon == std::string_view::npos ? std::nullopt : protocol::parse_decimal(hint.substr(colon + 1));
    if (port && *port > 0 && *port <= 65'535)
      return Endpoint{std::string(hint.substr(0, colon)), static_cast<std::uint16_t>(*port)};
  }
  return std::nullopt;
}

/// How a node is called already: by its fURL, which a Tahoe node has too.
struct KnownAs {
  std::string tub_id;
  Endpoint endpoint;
  std::string swissnum;
};

/// "pb://TUBID@tcp:HOST:PORT,.../SWISSNUM".
Result<KnownAs> parse_furl(std::string_view text) {
  constexpr std::string_view kScheme = "pb://";
  const std::size_t at = text.find('@'), slash = text.rfind('/');
  if (!text.starts_with(kScheme) || at == std::string_view::npos || slash < at || slash + 1 == text.size()) {
    return fail(Errc::malformed, "private/storage.furl is not pb://TUBID@tcp:HOST:PORT/SWISSNUM");
  }
  const std::optional<Endpoint> endpoint = first_tcp_hint(text.substr(at + 1, slash - at - 1));
  if (!endpoint) return fail(Errc::unsupported, "private/storage.furl has no tcp:HOST:PORT in it");
  return KnownAs{std::string(text.substr(kScheme.size(), at - kScheme.size())), *endpoint,
                 std::string(text.substr(slash + 1))};
}

/// What a tahoe.cfg says that is there already, of Tahoe or of a run that was interrupted. Nothing: there is none. Errors:
/// conflict for a node that cannot be a server.
Result<std::optional<Endpoint>> written_place(const config::NodeDirectory& node) {
  const Result<config::TahoeCfg> cfg = node.tahoe_cfg();
  if (!cfg && cfg.error().code == Errc::not_found) return std::optional<Endpoint>();
  if (!cfg) return tl::make_unexpected(cfg.error());
  if (cfg->tub_port.empty() || cfg->tub_port == "disabled") {
    return fail(Errc::conflict, node.path() +
                                    "/tahoe.cfg has no tub.port: it is of a client, a helper or a gateway; make the "
                                    "storage server in another directory");
  }
  HF_TRY(const Endpoint listens, parse_tub_port(cfg->tub_port));
  return first_tcp_hint(cfg->tub_location).value_or(listens);
}
std::string storage_cfg(const StorageNodeWishes& wishes) {
  const std::string port = std::to_string(wishes.port);
  const std::string location = wishes.location.empty() ? wishes.host : wishes.location;
  return "[node]\nnickname = " + wishes.nickname + "\ntub.port = tcp:" + port + ":interface=" + wishes.host +
         "\ntub.location = tcp:" + location + ":" + port +
         "\n\n[storage]\nenabled = true\nreserved_space = " + wishes.reserved_space + "\n";
}

/// Read back before it is written: nobody should find out when the node is to run.
Result<void> check_cfg(const StorageNodeWishes& wishes) {
  HF_TRY(const config::TahoeCfg cfg, config::parse_tahoe_cfg(storage_cfg(wishes)));
  HF_TRY(const Endpoint listens, parse_tub_port(cfg.tub_port));
  if (listens.host != wishes.host) return fail(Errc::malformed, "--bind " + wishes.host + " is no address");
  return {};
}

constexpr std::string_view kClientCfg =
    "[node]\nnickname = client\ntub.port = disabled\ntub.location = disabled\n\n"
    "[client]\nshares.needed = 3\nshares.happy = 7\nshares.total = 10\n\n[storage]\nenabled = false\n";

}  // namespace

Result<std::string> create_storage_node(World& world, const std::string& path, const StorageNodeWishes& asked) {
  const auto breaks_a_line = [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '%'; };
  if (std::ranges::any_of(asked.nickname, breaks_a_line))
    return fail(Errc::malformed, "a nickname may have no % and no control characters");
  config::NodeDirectory node(world.files, path);
  HF_TRY(const std::optional<std::string> known, made_before(node, "storage.nurl", asked.port));
  if (known) return *known;
  Result<std::string> furl = node.read_private("storage.furl");
  if (!furl && furl.error().code != Errc::not_found) return furl;
  HF_TRY(const std::optional<Endpoint> written, written_place(node));
  Result<std::string> pem = node.read_private("node.pem");
  if (!pem && pem.error().code != Errc::not_found)
    return pem;  // an error of the disk must not make another server of it
  StorageNodeWishes wishes = asked;
  std::string swissnum, tub_id;
  if (!written) HF_TRY_VOID(check_address(wishes.host));
  if (furl) {  // whoever knows this server must find it again
    HF_TRY(const KnownAs former, parse_furl(*furl));
    if (wishes.location.empty()) wishes.location = former.endpoint.host;
    wishes.port = former.endpoint.port;
    swissnum = former.swissnum;
    tub_id = former.tub_id;
  } else {
    if (written) {  // its port stays, whatever is asked for now
      if (wishes.location.empty()) wishes.location = written->host;
      wishes.port = written->port;
    }
    if (wishes.port == 0) {
      HF_TRY(wishes.port, choose_port(wishes.host, world.random));
    }
    swissnum = config::make_swissnum(world.random);
  }
  warn_of_port(path, wishes.port, asked.port);
  HF_TRY(const std::string host, host_for_nurl(wishes.host, wishes.location));
  HF_TRY_VOID(check_cfg(wishes));
  if (furl && !pem) {
    return fail(Errc::conflict,
                node.private_path("node.pem") +
                    " is gone, the key by which clients know this server; put it back from a backup, or move "
                    "storage.furl away too, and another server is made");
  }
  HF_TRY_VOID(node.create(world.random, storage_cfg(wishes)));
  if (!pem) {
    pem = http::make_self_signed_pem(world.random, "holdfast");
    if (!pem) return tl::make_unexpected(pem.error());
    HF_TRY_VOID(node.write_private("node.pem", *pem));
  }
  HF_TRY(const http::CertificateIdentity identity, http::identity_of_pem(*pem));
  if (furl && base32_encode(identity.tub_id.view()) != tub_id) {
    return fail(Errc::conflict, node.private_path("storage.furl") +
                                    " names another key than that of node.pem; put the right node.pem back");
  }
  HF_TRY_VOID(node.write_public("my_nodeid", base32_encode(identity.tub_id.view()) + "\n"));
  protocol::Nurl nurl;
  nurl.spki = identity.spki;
  nurl.host = host;
  nurl.port = wishes.port;
  nurl.swissnum = swissnum;
  const std::string text = protocol::to_string(nurl);
  if (!furl) {
    HF_TRY_VOID(node.write_private("storage.furl", "pb://" + base32_encode(identity.tub_id.view()) +
                                                       "@tcp:" + nurl.host + ":" + std::to_string(nurl.port) + "/" +
                                                       nurl.swissnum + "\n"));
  }
  HF_TRY_VOID(node.write_private("storage.nurl", text + "\n"));  // last: a node with a NURL is whole
  return text;
}

Result<std::string> host_for_nurl(const std::string& bind, const std::string& location) {
  protocol::Nurl nurl;
  nurl.host = location.empty() ? bind : location;
  nurl.swissnum = "any";
  if (nurl.host == "0.0.0.0" || nurl.host == "::") {
    return fail(Errc::malformed, nurl.host +
                                     " is every address of a machine, and none to reach it by; name one with --bind, "
                                     "or with --location what others shall call it");
  }
  const Result<protocol::Nurl> read = protocol::parse_nurl(protocol::to_string(nurl));
  if (!read || *read != nurl) return fail(Errc::malformed, "\"" + nurl.host + "\" is no host name and no address");
  return nurl.host;
}

Result<bool> is_there(const Result<std::string>& read) {
  if (!read && read.error().code != Errc::not_found) return tl::make_unexpected(read.error());
  return read.has_value();
}

namespace {

std::string storage_directory(const std::string& path, const config::TahoeCfg& cfg) {
  return cfg.storage_dir.starts_with('/') ? cfg.storage_dir : path + "/" + cfg.storage_dir;
}

/// By what else there is of a server. `[storage] enabled = false` is how its operator says that it is to be none any more.
Result<bool> was_storage(World& world, const config::NodeDirectory& node) {
  const Result<config::TahoeCfg> read = node.tahoe_cfg();
  if (!read && read.error().code != Errc::not_found) return tl::make_unexpected(read.error());
  const config::TahoeCfg cfg = read.value_or(config::TahoeCfg());
  if (!cfg.storage_enabled) return false;
  if (!cfg.tub_port.empty() && cfg.tub_port != "disabled") return true;
  HF_TRY(const bool named, is_there(node.read_private("storage.furl")));
  if (named) return true;
  const auto shares = world.files.list(storage_directory(node.path(), cfg));
  if (!shares && shares.error().code != Errc::not_found) return tl::make_unexpected(shares.error());
  return shares.has_value();
}

}  // namespace

Result<bool> has_storage(World& world, const std::string& path) {
  const config::NodeDirectory node(world.files, path);
  HF_TRY(const bool there, is_there(node.read_private("storage.nurl")));
  if (there) return true;
  HF_TRY(const bool lost, was_storage(world, node));
  if (!lost) return false;
  return fail(Errc::not_found,
              node.private_path("storage.nurl") +
                  " is gone, and this node is a storage server. `holdfast create-node " + path +
                  " --storage` makes it again of node.pem and storage.furl; [storage] enabled = false in "
                  "tahoe.cfg says that there is to be no server");
}

namespace {

/// Whoever names only the new ones would lose the old ones, with the shares that are there.
Result<void> forgets_none(const config::NodeDirectory& node, const std::string& name,
                          const std::vector<std::string>& nurls) {
  const Result<std::string> former = node.read_private(name);
  HF_TRY(const bool there, is_there(former));
  const auto lost = there ? first_missing(nurls_of_list(*former), nurls) : std::nullopt;
  if (!lost) return {};
  return fail(Errc::conflict, node.private_path(name) + " has one that is not named now, which would be forgotten: " +
                                  *lost + "\n          Add lines to that file, or say --replace.");
}

}  // namespace

Result<void> create_client_node(World& world, const std::string& path, const ClientNodeWishes& wishes) {
  config::NodeDirectory node(world.files, path);
  HF_TRY(const std::string servers, make_nurl_list("the storage servers of this grid.", wishes.servers));
  HF_TRY(const std::string helpers, make_nurl_list("upload helpers, the favourite first.", wishes.helpers));
  const bool names_helpers = !wishes.helpers.empty();
  if (!wishes.replace) {
    HF_TRY_VOID(forgets_none(node, "servers.nurl", wishes.servers));
    if (names_helpers) HF_TRY_VOID(forgets_none(node, "helpers.nurl", wishes.helpers));
  }
  HF_TRY_VOID(node.create(world.random, std::string(kClientCfg)));
  HF_TRY_VOID(node.write_private("servers.nurl", servers));
  if (names_helpers) HF_TRY_VOID(node.write_private("helpers.nurl", helpers));
  HF_TRY_VOID(io::make_lasting_directory(world.files, node.transfers()));
  return {};
}

namespace {

storage::ExpiryPolicy expiry_policy(const config::ExpireCfg& cfg) {
  storage::ExpiryPolicy out;
  out.enabled = cfg.enabled;
  const bool by_date = cfg.mode == config::ExpireCfg::Mode::cutoff_date;
  out.mode = by_date ? storage::ExpiryPolicy::Mode::cutoff_date : storage::ExpiryPolicy::Mode::age;
  out.lease_seconds = cfg.override_lease_seconds;
  out.cutoff_wall = cfg.cutoff_date.value_or(0);
  out.immutable = cfg.immutable;
  return out;
}

}  // namespace

io::Task<Result<std::unique_ptr<storage::StorageRole>>> start_storage(World& world, const std::string& path,
                                                                      int listen_fd) {
  const config::NodeDirectory node(world.files, path);
  HF_CO_TRY(const config::TahoeCfg tahoe, node.tahoe_cfg());
  HF_CO_TRY(const config::HoldfastCfg own, node.holdfast_cfg());
  HF_CO_TRY(const protocol::Nurl nurl, read_own_nurl(node, "storage.nurl"));
  HF_CO_TRY(const Endpoint endpoint, parse_tub_port(tahoe.tub_port));
  storage::RoleOptions options;
  HF_CO_TRY(options.node_pem, node.read_private("node.pem"));
  options.store.directory = storage_directory(path, tahoe);
  options.store.reserved_bytes = tahoe.reserved_space_bytes;
  options.store.read_only = tahoe.readonly;
  options.store.partial_retention_seconds = own.partial_retention_seconds;
  options.store.partial_idle_seconds = own.partial_idle_seconds;
  options.expiry = expiry_policy(tahoe.expire);
  options.store.partial_bytes_max = own.partial_bytes_max;
  options.store.dormant_per_share_max = own.partial_per_share_max;
  options.swissnum = nurl.swissnum;
  options.host = endpoint.host;
  options.port = endpoint.port;
  options.listen_fd = listen_fd;
  options.application_version = std::string("holdfast/") + kVersion;
  options.admin_port = own.admin_port;
  const storage::ShareStore::World store_world{world.loop, *world.disk, world.files, *world.log};
  co_return co_await storage::StorageRole::start(world.loop, store_world, std::move(options));
}

}  // namespace holdfast::cli
