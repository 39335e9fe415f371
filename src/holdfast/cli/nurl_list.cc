#include "holdfast/cli/nurl_list.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/nurl.h"

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
  while (!list.empty()) {
    const std::size_t end = std::min(list.find('\n'), list.size());
    std::string_view line = list.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = protocol::trim(line);
    if (!line.empty() && !line.starts_with('#')) out.emplace_back(line);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

std::optional<std::string> first_missing(const std::vector<std::string>& nurls,
                                         const std::vector<std::string>& others) {
  const auto missing = [&](const std::string& each) { return std::ranges::find(others, each) == others.end(); };
  const auto it = std::ranges::find_if(nurls, missing);
  return it == nurls.end() ? std::nullopt : std::optional(*it);
}

}  // namespace holdfast::cli
