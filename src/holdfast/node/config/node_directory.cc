#include "holdfast/node/config/node_directory.h"

#include <sys/stat.h>

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

}  // namespace

bool NodeDirectory::exists() const { return files_.info(path_ + "/tahoe.cfg").has_value(); }

Result<void> NodeDirectory::write_private(const std::string& name, std::string_view content) const {
  return io::write_file_atomically(files_, private_path(name), view_of(content), io::Open::create_private);
}

Result<void> NodeDirectory::write_public(const std::string& name, std::string_view content) const {
  return io::write_file_atomically(files_, path_ + "/" + name, view_of(content));
}

Result<void> NodeDirectory::make_secret(Random& random, const std::string& name) const {
  if (files_.info(private_path(name))) return {};
  return write_private(name, base32_encode(random.bytes(kSecretBytes)) + "\n");
}

Result<void> NodeDirectory::create(Random& random, const std::string& tahoe_cfg) {
  HF_TRY_VOID(files_.make_directories(path_ + "/private"));
  ::chmod((path_ + "/private").c_str(), 0700);
  HF_TRY_VOID(make_secret(random, "secret"));
  HF_TRY_VOID(make_secret(random, "convergence"));
  if (!exists()) HF_TRY_VOID(write_public("tahoe.cfg", tahoe_cfg));
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

Result<Secret> NodeDirectory::secret(const std::string& name, bool may_be_empty) const {
  HF_TRY(const std::string text, read_private(name));
  if (text.empty() && may_be_empty) return Secret{};
  Result<Bytes> bytes = base32_decode(text);
  if (!bytes || bytes->empty()) return fail(Errc::malformed, private_path(name) + " is not base32");
  return Secret(std::move(*bytes));
}

Result<Secret> NodeDirectory::lease_secret() const { return secret("secret", false); }
Result<Secret> NodeDirectory::convergence() const { return secret("convergence", true); }

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
    HF_TRY(std::vector<protocol::Announcement> more, parse_nurl_list(*list));
    for (protocol::Announcement& each : more) out.push_back(std::move(each));
  } else if (list.error().code != Errc::not_found) {
    return tl::make_unexpected(list.error());
  }
  return out;
}

std::string make_swissnum(Random& random) { return base32_encode(random.bytes(20)); }

}  // namespace holdfast::config
