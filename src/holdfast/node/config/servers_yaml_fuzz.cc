// Whatever the file: no crash and no endless work, every server that comes out can be reached, and a file
// written from what was understood is understood the same. The list of NURLs is read from the same text.
#include "holdfast/node/config/servers_yaml.h"

#include <set>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/base/check.h"

namespace {

using namespace holdfast;
using protocol::Announcement;

/// The server id is left out: the round trip is about what is inside. So is the nickname, which may need
/// quoting.
std::string written(const std::vector<Announcement>& servers) {
  std::string out = "storage:\n";
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const Announcement& one = servers[i];
    out += "  server-" + std::to_string(i) + ":\n    ann:\n      anonymous-storage-NURLs:\n";
    for (const protocol::Nurl& nurl : one.nurls) out += "        - \"" + to_string(nurl) + "\"\n";
    if (one.tub_id) out += "      anonymous-storage-FURL: pb://" + base32_encode(one.tub_id->view()) + "@tcp:h:1/s\n";
    if (one.announced_seed) out += "      permutation-seed-base32: \"" + base32_encode(*one.announced_seed) + "\"\n";
  }
  return out;
}

void check_same(const std::vector<Announcement>& a, const std::vector<Announcement>& b) {
  HF_CHECK(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    HF_CHECK(a[i].nurls == b[i].nurls && a[i].tub_id == b[i].tub_id && a[i].announced_seed == b[i].announced_seed);
  }
}

void check_yaml(std::string_view text) {
  std::vector<std::string> problems;
  const auto servers = config::parse_servers_yaml(text, problems);
  if (!servers) {
    HF_CHECK(servers.error().code == Errc::malformed);
    return;
  }
  std::set<std::string> ids;
  for (const Announcement& one : *servers) HF_CHECK(!one.nurls.empty() && ids.insert(one.server_id).second);
  std::vector<std::string> none;
  const auto again = config::parse_servers_yaml(written(*servers), none);
  HF_CHECK(again && none.empty());
  check_same(*servers, *again);
}

void check_nurl_list(std::string_view text) {
  std::vector<std::string> problems;
  const auto servers = config::parse_nurl_list(text, problems);
  std::string list;
  for (const Announcement& one : servers) {
    HF_CHECK(one.nurls.size() == 1 && !one.tub_id && !one.announced_seed);
    list += to_string(one.nurls[0]) + "\n";
  }
  std::vector<std::string> none;
  check_same(servers, config::parse_nurl_list(list, none));
  HF_CHECK(none.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = holdfast::text_of({data, size});
  check_yaml(text);
  check_nurl_list(text);
  return 0;
}
