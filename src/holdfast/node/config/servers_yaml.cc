#include "holdfast/node/config/servers_yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

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

/// NURLs are named by their place: they have the server's password in them.
Result<std::vector<protocol::Nurl>> nurls_of(const YAML::Node& list, std::vector<std::string>& problems) {
  std::vector<protocol::Nurl> out;
  std::vector<std::string> bad;
  std::size_t number = 0;
  for (const YAML::Node& each : list) {
    auto nurl = protocol::parse_nurl(each.IsScalar() ? each.Scalar() : "");
    ++number;
    if (nurl) {
      out.push_back(std::move(*nurl));
    } else {
      bad.push_back("NURL " + std::to_string(number) + ": " + nurl.error().what);
    }
  }
  if (out.empty()) return fail(Errc::malformed, "no NURL that can be read; " + bad.front());
  problems.insert(problems.end(), bad.begin(), bad.end());
  return out;
}

/// What is wrong but does no harm goes to `problems`.
Result<protocol::Announcement> announcement(const std::string& id, const YAML::Node& entry,
                                            std::vector<std::string>& problems) {
  const YAML::Node ann = entry["ann"];
  if (!ann || !ann.IsMap()) return fail(Errc::malformed, "no ann:");
  protocol::Announcement out;
  out.server_id = id;
  out.nickname = scalar(ann, "nickname");
  const YAML::Node nurls = ann["anonymous-storage-NURLs"];
  if (!nurls || !nurls.IsSequence() || nurls.size() == 0) return fail(Errc::unsupported, "no NURL (Foolscap only)");
  HF_TRY(out.nurls, nurls_of(nurls, problems));
  if (const std::string furl = scalar(ann, "anonymous-storage-FURL"); !furl.empty()) {
    HF_TRY(out.tub_id, tub_id_of_furl(furl));
  }
  if (const std::string seed = scalar(ann, "permutation-seed-base32"); !seed.empty()) {
    HF_TRY(out.announced_seed, base32_decode(seed));
  }
  return out;
}

}  // namespace

Result<std::vector<protocol::Announcement>> parse_servers_yaml(std::string_view text,
                                                               std::vector<std::string>& problems) {
  if (text.size() > kYamlBytesMax) return fail(Errc::malformed, "servers.yaml is larger than 4 MiB");
  std::vector<protocol::Announcement> out;
  try {
    const YAML::Node document = YAML::Load(std::string(text));
    if (!document || document.IsNull()) return out;
    if (!document.IsMap()) return fail(Errc::malformed, "servers.yaml is not a map with storage: in it");
    const YAML::Node storage = document["storage"];
    if (!storage || storage.IsNull()) return out;
    if (!storage.IsMap() || storage.size() > kServersMax)
      return fail(Errc::malformed, "servers.yaml: storage: is not a map of servers");
    std::set<std::string> seen;
    for (const auto& pair : storage) {
      const std::string id = pair.first.IsScalar() ? pair.first.Scalar() : "?";
      const std::string place = "servers.yaml: " + id + ": ";
      const auto tell = [&](const std::string& what) { problems.push_back(place + what); };
      if (!seen.insert(id).second) {
        tell("is there twice; the last one counts");
        std::erase_if(out, [&](const protocol::Announcement& one) { return one.server_id == id; });
      }
      std::vector<std::string> harmless;
      auto server = pair.first.IsScalar() && pair.second.IsMap() ? announcement(id, pair.second, harmless)
                                                                 : fail(Errc::malformed, "not an id and a map");
      std::ranges::for_each(harmless, tell);
      if (server) {
        out.push_back(std::move(*server));
      } else {
        tell(server.error().what);
      }
    }
  } catch (const YAML::Exception& e) {
    return fail(Errc::malformed, std::string("servers.yaml: ") + e.what());
  }
  return out;
}

std::vector<std::pair<std::size_t, std::string_view>> nurl_lines(std::string_view text) {
  std::vector<std::pair<std::size_t, std::string_view>> out;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (!line.empty() && line.front() != '#') out.emplace_back(number, line);
  }
  return out;
}

std::vector<protocol::Announcement> parse_nurl_list(std::string_view text, std::vector<std::string>& problems,
                                                    std::string_view file) {
  std::vector<protocol::Announcement> out;
  std::set<SpkiHash> seen;
  for (const auto& [number, line] : nurl_lines(text)) {
    const auto tell = [&, number = number](const std::string& what) {
      problems.push_back(std::string(file) + ": line " + std::to_string(number) + ": " + what);
    };
    const auto nurl = protocol::parse_nurl(line);
    if (!nurl) {
      tell(nurl.error().what);
    } else if (!seen.insert(nurl->spki).second) {
      tell("a server that is there already; its first line counts");
    } else if (out.size() == kServersMax) {
      tell("more than 10000 servers");
      break;
    } else {
      out.push_back(protocol::announcement_of(*nurl));
    }
  }
  return out;
}

}  // namespace holdfast::config
