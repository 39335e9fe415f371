#include "holdfast/cli/own_nurl.h"

#include <cstdio>

#include "holdfast/cli/say.h"
#include "holdfast/edge/http/tls.h"

namespace holdfast::cli {
namespace {

/// Clients would take this node for an impostor.
Result<void> check_key(const config::NodeDirectory& node, const std::string& name, const protocol::Nurl& nurl) {
  const std::string key = node.private_path("node.pem");
  const Result<std::string> pem = node.read_private("node.pem");
  if (!pem && pem.error().code == Errc::not_found) {
    return fail(Errc::conflict, key + " is gone, the key that " + name + " names; put it back from a backup");
  }
  if (!pem) return tl::make_unexpected(pem.error());
  const Result<http::CertificateIdentity> identity = http::identity_of_pem(*pem);
  if (!identity) return fail_in(key, identity.error());
  if (identity->spki == nurl.spki) return {};
  return fail(Errc::conflict,
              node.private_path(name) + " names another key than that of node.pem; put the right one of them back");
}

}  // namespace

Result<protocol::Nurl> read_own_nurl(const config::NodeDirectory& node, const std::string& name) {
  HF_TRY(const std::string text, node.read_private(name));
  const Result<protocol::Nurl> nurl = protocol::parse_nurl(text);
  if (nurl) return *nurl;
  return fail(Errc::malformed, node.private_path(name) + (text.empty() ? " is empty" : ": " + nurl.error().what) +
                                   "; put it back from a backup");
}

Result<std::optional<std::string>> made_before(const config::NodeDirectory& node, const std::string& name,
                                               std::uint16_t port) {
  const Result<protocol::Nurl> nurl = read_own_nurl(node, name);
  if (!nurl && nurl.error().code == Errc::not_found) return std::optional<std::string>();
  if (!nurl) return tl::make_unexpected(nurl.error());
  HF_TRY_VOID(check_key(node, name, *nurl));
  warn_of_port(node.path(), nurl->port, port);
  HF_TRY(std::string text, node.read_private(name));
  return std::optional(std::move(text));
}

void warn_of_port(const std::string& path, std::uint16_t kept, std::uint16_t asked) {
  if (asked == 0 || asked == kept) return;
  say(stderr, "warning: {} was made with port {}, which stays; {} is not taken\n", path, kept, asked);
}

}  // namespace holdfast::cli
