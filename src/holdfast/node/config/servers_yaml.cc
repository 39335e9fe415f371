#include "holdfast/node/config/servers_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "holdfast/core/base/base32.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kYamlBytesMax = 4 * 1'048'576;
constexpr std::size_t kServersMax = 10'000;

std::string scalar(const YAML::Node& map, const char* key) {
  const YAML::Node node = map[key];
  return node && node.IsScalar() ? node.Scalar() : std::string();
}

/// The TubID of "pb://<32 base32>@hints/swissnum".
Result<TubId> tub_id_of_furl(const std::string& furl) {
  const std::size_t at = furl.find('@');
  if (!furl.starts_with("pb://") || at == std::string::npos) return fail(Errc::malformed, "a fURL that cannot be read");
  return base32_decode_id<TubId>(std::string_view(furl).substr(5, at - 5));
}

Result<protocol::Announcement> announcement(const std::string& id, const YAML::Node& entry) {
  const YAML::Node ann = entry["ann"];
  if (!ann || !ann.IsMap()) return fail(Errc::malformed, "no ann:");
  protocol::Announcement out;
  out.server_id = id;
  out.nickname = scalar(ann, "nickname");
  const YAML::Node nurls = ann["anonymous-storage-NURLs"];
  if (!nurls || !nurls.IsSequence() || nurls.size() == 0) return fail(Errc::unsupported, "no NURL (Foolscap only)");
  for (const YAML::Node& each : nurls) {
    if (auto nurl = protocol::parse_nurl(each.IsScalar() ? each.Scalar() : "")) out.nurls.push_back(std::move(*nurl));
  }
  if (out.nurls.empty()) return fail(Errc::malformed, "no NURL that can be read");
  if (const std::string furl = scalar(ann, "anonymous-storage-FURL"); !furl.empty()) {
    HF_TRY(out.tub_id, tub_id_of_furl(furl));
  }
  if (const std::string seed = scalar(ann, "permutation-seed-base32"); !seed.empty()) {
    HF_TRY(out.announced_seed, base32_decode(seed));
  }
  return out;
}

}  // namespace

Result<std::vector<protocol::Announcement>> parse_servers_yaml(std::string_view text, std::vector<std::string>& problems) {
  if (text.size() > kYamlBytesMax) return fail(Errc::malformed, "servers.yaml is larger than 4 MiB");
  std::vector<protocol::Announcement> out;
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (!document || document.IsNull()) return out;
    if (!document.IsMap()) return fail(Errc::malformed, "servers.yaml is not a map with storage: in it");
    const YAML::Node storage = document["storage"];
    if (!storage || storage.IsNull()) return out;
    if (!storage.IsMap() || storage.size() > kServersMax) return fail(Errc::malformed, "servers.yaml: storage: is not a map of servers");
    for (const auto& pair : storage) {
      const std::string id = pair.first.IsScalar() ? pair.first.Scalar() : "?";
      auto server = pair.second.IsMap() ? announcement(id, pair.second) : fail(Errc::malformed, "not a map");
      if (server) {
        out.push_back(std::move(*server));
      } else {
        problems.push_back("servers.yaml: " + id + ": " + server.error().what);
      }
    }
  } catch (const YAML::Exception& e) {
    return fail(Errc::malformed, std::string("servers.yaml: ") + e.what());
  }
  return out;
}

Result<std::vector<protocol::Announcement>> parse_nurl_list(std::string_view text) {
  std::vector<protocol::Announcement> out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto nurl = protocol::parse_nurl(line);
    if (!nurl) return fail_in("servers.nurl, line " + std::to_string(number), nurl.error());
    out.push_back(protocol::announcement_of(*nurl));
  }
  return out;
}

}  // namespace holdfast::config
