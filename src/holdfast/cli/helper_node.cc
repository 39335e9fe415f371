#include "holdfast/cli/helper_node.h"

#include <filesystem>

#include "holdfast/cli/free_port.h"
#include "holdfast/cli/grid_node.h"
#include "holdfast/cli/nurl_list.h"
#include "holdfast/cli/own_nurl.h"
#include "holdfast/cli/version.h"
#include "holdfast/core/protocol/nurl.h"
#include "holdfast/edge/http/tls.h"

namespace holdfast::cli {
namespace {

constexpr std::string_view kNurlFile = "helper.nurl", kListenFile = "helper.listen", kOperatorFile = "operator-token";

std::string tahoe_cfg() {
  return "[node]\nnickname = helper\ntub.port = disabled\ntub.location = disabled\n\n[client]\nshares.needed = 3\n"
         "shares.happy = 7\nshares.total = 10\n\n[storage]\nenabled = false\n";
}

/// What is to be written. Nothing: a list that is there stays, it is that of a client or a gateway too.
Result<std::optional<std::string>> new_server_list(const config::NodeDirectory& node,
                                                   const std::vector<std::string>& nurls) {
  const Result<std::string> former = node.read_private("servers.nurl");
  HF_TRY(const bool there, is_there(former));
  if (there) {
    const auto missing = first_missing(nurls, nurls_of_list(*former));
    if (!missing) return std::optional<std::string>();
    return fail(Errc::conflict,
                node.private_path("servers.nurl") + " is there, and does not have " + *missing + "; add a line to it");
  }
  if (nurls.empty())
    return fail(Errc::malformed, "a helper needs storage servers to upload to: --server NURL, once for each");
  HF_TRY(std::string list, make_nurl_list("the storage servers that this helper uploads to.", nurls));
  return std::optional(std::move(list));
}

}  // namespace

Result<bool> has_helper(World& world, const std::string& path) {
  const config::NodeDirectory node(world.files, path);
  HF_TRY(const bool there, is_there(node.read_private(std::string(kNurlFile))));
  if (there) return true;
  // Not by its spool: a Tahoe node may have a directory of that name.
  for (const std::string_view trace : {kListenFile, kOperatorFile}) {
    HF_TRY(const bool left, is_there(node.read_private(std::string(trace))));
    if (!left) continue;
    return fail(Errc::not_found, node.private_path(std::string(kNurlFile)) +
                                     " is gone, and this node is an upload helper (" + std::string(trace) +
                                     " is there). Put it back from a backup; `holdfast create-node " + path +
                                     " --helper` makes another NURL, which clients must be told");
  }
  return false;
}

Result<std::string> create_helper_node(World& world, const std::string& path, const HelperNodeWishes& wishes) {
  config::NodeDirectory node(world.files, path);
  HF_TRY(const std::optional<std::string> known, made_before(node, std::string(kNurlFile), wishes.port));
  if (known) return *known;
  HF_TRY_VOID(check_address(wishes.host));
  HF_TRY(const std::string host, host_for_nurl(wishes.host, wishes.location));
  HF_TRY(const std::optional<std::string> list, new_server_list(node, wishes.servers));
  std::uint16_t port = wishes.port;
  if (port == 0) {
    HF_TRY(port, choose_port(wishes.host, world.random));
  }
  HF_TRY_VOID(node.create(world.random, tahoe_cfg()));
  if (list) HF_TRY_VOID(node.write_private("servers.nurl", *list));
  HF_TRY_VOID(io::make_lasting_directory(world.files, node.transfers()));
  Result<std::string> pem = node.read_private("node.pem");
  if (!pem && pem.error().code != Errc::not_found) return pem;
  if (!pem) {
    pem = http::make_self_signed_pem(world.random, "holdfast");
    if (!pem) return tl::make_unexpected(pem.error());
    HF_TRY_VOID(node.write_private("node.pem", *pem));
  }
  HF_TRY(const http::CertificateIdentity identity, http::identity_of_pem(*pem));
  HF_TRY_VOID(node.write_private(std::string(kOperatorFile), config::make_swissnum(world.random) + "\n"));
  protocol::Nurl nurl;
  nurl.spki = identity.spki;
  nurl.host = host;
  nurl.port = port;
  nurl.swissnum = config::make_swissnum(world.random);
  const std::string text = protocol::to_string(nurl);
  HF_TRY_VOID(node.write_private(std::string(kListenFile), wishes.host + "\n"));
  HF_TRY_VOID(node.write_private(std::string(kNurlFile), text + "\n"));  // last: a node with a NURL is whole
  return text;
}

io::Task<Result<std::unique_ptr<helper::HelperRole>>> start_helper(World& world, const ClientNode& node,
                                                                   int listen_fd) {
  const config::NodeDirectory& directory = node.directory();
  HF_CO_TRY(const protocol::Nurl nurl, read_own_nurl(directory, std::string(kNurlFile)));
  HF_CO_TRY(const config::HoldfastCfg own, directory.holdfast_cfg());
  helper::RoleOptions options;
  HF_CO_TRY(options.node_pem, directory.read_private("node.pem"));
  HF_CO_TRY(options.secrets.operator_token, directory.read_private(std::string(kOperatorFile)));
  options.secrets.swissnum = nurl.swissnum;
  options.secrets.application_version = std::string("holdfast/") + kVersion;
  options.host = directory.read_private(std::string(kListenFile)).value_or("127.0.0.1");
  options.port = nurl.port;
  options.listen_fd = listen_fd;
  uploads::StoreOptions& store = options.service.store;
  const std::string spool = directory.path() + "/helper";
  HF_CO_TRY_VOID(io::make_lasting_directory(world.files, spool));
  std::error_code problem;  // names in it are storage indexes
  std::filesystem::permissions(spool, std::filesystem::perms::owner_all, problem);
  if (problem) co_return fail(Errc::io, spool + ": " + problem.message());
  store.receiving_directory = spool + "/CHK_incoming";
  store.sealed_directory = spool + "/CHK_encoding";
  options.service.given_up_path = spool + "/given-up.json";
  store.token_key_path = directory.private_path("upload-token.key");
  store.free_bytes_min = own.helper.free_bytes_min;
  store.bytes_max = own.helper.bytes_max.value_or(store.bytes_max);
  store.upload_bytes_max = own.helper.upload_bytes_max.value_or(store.upload_bytes_max);
  store.uploads_max = own.helper.uploads_max;
  store.retention_seconds = own.helper.retention_seconds;
  store.idle_seconds = own.helper.idle_seconds;
  options.service.pushes_at_once = own.helper.pushes_at_once;
  co_return co_await helper::HelperRole::start(world.loop, node.context(), std::move(options));
}

}  // namespace holdfast::cli
