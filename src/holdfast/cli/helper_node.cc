#include "holdfast/cli/helper_node.h"

#include <filesystem>

#include "holdfast/cli/free_port.h"
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

Result<std::string> server_list(const std::vector<std::string>& nurls) {
  std::string list = "# One NURL a line: the storage servers that this helper uploads to.\n";
  for (const std::string& text : nurls) {
    if (auto nurl = protocol::parse_nurl(text); !nurl) return fail_in(text, nurl.error());
    list += text + "\n";
  }
  return list;
}

}  // namespace

bool has_helper(World& world, const std::string& path) {
  return config::NodeDirectory(world.files, path).read_private(std::string(kNurlFile)).has_value();
}

Result<std::string> create_helper_node(World& world, const std::string& path, const HelperNodeWishes& wishes) {
  config::NodeDirectory node(world.files, path);
  Result<std::string> known = node.read_private(std::string(kNurlFile));
  if (known || known.error().code != Errc::not_found) return known;
  if (wishes.servers.empty())
    return fail(Errc::malformed, "a helper needs storage servers to upload to: --server NURL, once for each");
  HF_TRY(const std::string list, server_list(wishes.servers));
  std::uint16_t port = wishes.port;
  if (port == 0) {
    HF_TRY(port, choose_port(wishes.host, world.random));
  }
  HF_TRY_VOID(node.create(world.random, tahoe_cfg()));
  HF_TRY_VOID(node.write_private("servers.nurl", list));
  HF_TRY_VOID(world.files.make_directories(node.transfers()));
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
  nurl.host = wishes.location.empty() ? wishes.host : wishes.location;
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
  HF_CO_TRY(const std::string nurl_text, directory.read_private(std::string(kNurlFile)));
  HF_CO_TRY(const protocol::Nurl nurl, protocol::parse_nurl(nurl_text));
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
  HF_CO_TRY_VOID(world.files.make_directories(spool));
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
