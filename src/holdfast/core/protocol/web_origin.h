// Whose request is this? Host against DNS rebinding, Origin against pages of other sites (design 7).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::protocol {

/// A Host field: name or address in lower case (IPv6 with its brackets), port as it was written, maybe empty.
struct HostField {
  std::string name, port;
};
/// Nothing for what is not "name", "name:port", "1.2.3.4:port" or "[::1]:port".
std::optional<HostField> parse_host(std::string_view field);

/// An address says what it is; only names can be made to point here by somebody else. So every address is accepted, and of
/// the names "localhost" and those in `names` (lower case).
bool host_is_ours(std::string_view host_field, const std::vector<std::string>& names);

/// May a page of this Origin change things here? Without one it is no browser's request. Otherwise it must be our own:
/// http or https with exactly what Host says. "null" never is.
bool origin_is_ours(std::optional<std::string_view> origin, std::string_view host_field);

}  // namespace holdfast::protocol
