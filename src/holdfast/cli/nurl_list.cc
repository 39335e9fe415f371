#include "holdfast/cli/nurl_list.h"

#include <algorithm>

#include "holdfast/core/protocol/nurl.h"
#include "holdfast/node/config/servers_yaml.h"

namespace holdfast::cli {

Result<std::string> make_nurl_list(std::string_view comment, const std::vector<std::string>& nurls) {
  std::string list = "# One NURL a line: " + std::string(comment) + "\n";
  for (const std::string& text : nurls) {
    if (auto nurl = protocol::parse_nurl(text); !nurl) return fail_in(text, nurl.error());
    list += text + "\n";
  }
  return list;
}

std::vector<std::string> nurls_of_list(std::string_view list) {
  std::vector<std::string> out;
  for (const auto& [number, line] : config::nurl_lines(list)) out.emplace_back(line);
  return out;
}

std::optional<std::string> first_missing(const std::vector<std::string>& nurls,
                                         const std::vector<std::string>& others) {
  const auto missing = [&](const std::string& each) { return std::ranges::find(others, each) == others.end(); };
  const auto it = std::ranges::find_if(nurls, missing);
  return it == nurls.end() ? std::nullopt : std::optional(*it);
}

}  // namespace holdfast::cli
