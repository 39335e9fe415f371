#include "holdfast/node/config/node_directory.h"

#include <algorithm>

#include <sys/stat.h>

#include <set>

#include "holdfast/core/base/base32.h"

namespace holdfast::config {
namespace {

constexpr std::uint64_t kFileBytesMax = 4 * 1'048'576;
constexpr std::size_t kSecretBytes = 32;

std::string strip(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<std::string> read_text(io::FileSystem& files, const std::string& path) {
  HF_TRY(const Bytes bytes, io::read_file(files, path, kFileBytesMax));
  return std::string(text_of(bytes));
}

/// Only what certainly is not there counts as missing: an error of the disk must not have a secret replaced.
Result<bool> is_missing(io::FileSystem& files, const std::string& path) {
  const auto info = files.info(path);
  if (!info && info.error().code != Errc::not_found) return tl::make_unexpected(info.error());
  return !info;
}

/// The servers of the NURL list that the announcements do not have already.
void add_others(std::vector<protocol::Announcement>& known, std::vector<protocol::Announcement> list,
                std::vector<std::string>& problems) {
  std::set<std::string> ids;
  std::set<SpkiHash> keys;
  for (const protocol::Announcement& one : known) {
    ids.insert(one.server_id);
    for (const protocol::Nurl& nurl : one.nurls) keys.insert(nurl.spki);
  }
  for (protocol::Announcement& one : list) {
    if (ids.contains(one.server_id) || keys.contains(one.nurls.front().spki)) {
      problems.push_back("servers.nurl: " + one.server_id + " is in servers.yaml too, which counts");
    } else {
      known.push_back(std::move(one));
    }
  }
}

}  // namespace

bool NodeDirectory::exists() const {
  return files_.info(path_ + "/tahoe.cfg").has_value();
}

Result<void> NodeDirectory::write_private(const std::string& name, std::string_view content) const {
  return io::write_file_atomically(files_, private_path(name), view_of(content), io::Open::create_private);
}

Result<void> NodeDirectory::write_public(const std::string& name, std::string_view content) const {
  return io::write_file_atomically(files_, path_ + "/" + name, view_of(content));
}

Result<void> NodeDirectory::make_secret(Random& random, const std::string& name) const {
  HF_TRY(const bool missing, is_missing(files_, private_path(name)));
  if (!missing) return {};
  return write_private(name, base32_encode(random.bytes(kSecretBytes)) + "\n");
}

Result<void> NodeDirectory::create(Random& random, const std::string& tahoe_cfg) {
  HF_TRY_VOID(io::make_lasting_directory(files_, path_ + "/private"));
  ::chmod((path_ + "/private").c_str(), 0700);
  HF_TRY_VOID(make_secret(random, "secret"));
  HF_TRY_VOID(make_secret(random, "convergence"));
  HF_TRY(const bool missing, is_missing(files_, path_ + "/tahoe.cfg"));
  if (missing) HF_TRY_VOID(write_public("tahoe.cfg", tahoe_cfg));
  return {};
}

Result<TahoeCfg> NodeDirectory::tahoe_cfg() const {
  HF_TRY(const std::string text, read_text(files_, path_ + "/tahoe.cfg"));
  return parse_tahoe_cfg(text);
}

Result<HoldfastCfg> NodeDirectory::holdfast_cfg() const {
  const Result<std::string> text = read_text(files_, path_ + "/holdfast.cfg");
  if (!text && text.error().code == Errc::not_found) return HoldfastCfg{};
  if (!text) return tl::make_unexpected(text.error());
  return parse_holdfast_cfg(*text);
}

Result<std::string> NodeDirectory::read_private(const std::string& name) const {
  HF_TRY(std::string text, read_text(files_, private_path(name)));
  return strip(std::move(text));
}

Result<Secret> NodeDirectory::lease_secret() const {
  HF_TRY(const std::string text, read_private("secret"));
  Result<Bytes> bytes = base32_decode(text);
  if (!bytes || bytes->size() != kSecretBytes) {
    return fail(Errc::malformed,
                private_path("secret") +
                    " must hold 32 bytes in base32, which are 52 characters; put the original back, or remove "
                    "it and run create-client again for a new one (leases under the old one will expire)");
  }
  return Secret(std::move(*bytes));
}

Result<Secret> NodeDirectory::convergence() const {
  HF_TRY(const std::string text, read_private("convergence"));
  Result<Bytes> bytes = base32_decode(text);
  if (!bytes) {
    return fail(Errc::malformed, private_path("convergence") +
                                     " is not base32; put the original back (an empty file is the empty secret)");
  }
  return Secret(std::move(*bytes));
}

Result<std::vector<protocol::Announcement>> NodeDirectory::servers(std::vector<std::string>& problems) const {
  std::vector<protocol::Announcement> out;
  const Result<std::string> yaml = read_text(files_, private_path("servers.yaml"));
  if (yaml) {
    HF_TRY(out, parse_servers_yaml(*yaml, problems));
  } else if (yaml.error().code != Errc::not_found) {
    return tl::make_unexpected(yaml.error());
  }
  const Result<std::string> list = read_text(files_, private_path("servers.nurl"));
  if (list) {
    add_others(out, parse_nurl_list(*list, problems), problems);
  } else if (list.error().code != Errc::not_found) {
    return tl::make_unexpected(list.error());
  }
  return out;
}

Result<std::vector<protocol::Nurl>> NodeDirectory::helpers(std::vector<std::string>& problems) const {
  std::vector<protocol::Nurl> out;
  for (const std::string name : {"helpers.nurl", "helper.nurl"}) {
    const Result<std::string> list = read_text(files_, private_path(name));
    if (!list && list.error().code == Errc::not_found) continue;
    if (!list) return tl::make_unexpected(list.error());
    for (const protocol::Announcement& each : parse_nurl_list(*list, problems, name)) {
      const protocol::Nurl& nurl = each.nurls.front();
      if (std::ranges::find(out, nurl.spki, &protocol::Nurl::spki) == out.end()) out.push_back(nurl);
    }
  }
  return out;
}

std::string make_swissnum(Random& random) {
  return base32_encode(random.bytes(20));
}

}  // namespace holdfast::config
