#include "holdfast/core/protocol/helper_paths.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kTargetBytesMax = 512;
constexpr std::string_view kRoot = "/helper/v1/";

/// One "key=value" of a query. False when it has no place here, or was there before.
bool take_parameter(std::string_view key, std::string_view value, HelperRoute& route) {
  const auto number = [&](std::optional<std::uint64_t>& into) {
    if (into) return false;
    into = parse_decimal(value);
    return into.has_value();
  };
  if (route.kind == HelperRouteKind::file && key == "wait") return number(route.wait);
  if (route.kind == HelperRouteKind::upload) {
    if (key == "first") return number(route.first);
    if (key == "count") return number(route.count);
    if (key == "piece") return number(route.piece);
    if (key == "digests") return value.empty() && !std::exchange(route.digests, true);
  }
  if (route.kind == HelperRouteKind::status_item && key == "do" && route.action.empty()) {
    route.action = value;
    return !value.empty();
  }
  return false;
}

bool take_query(std::string_view query, HelperRoute& route) {
  while (!query.empty()) {
    const std::string_view each = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), each.size() + 1));
    const std::size_t equals = std::min(each.find('='), each.size());
    const std::string_view value = equals < each.size() ? each.substr(equals + 1) : std::string_view();
    if (!take_parameter(each.substr(0, equals), value, route)) return false;
  }
  return true;
}

bool is_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7') || c == '.'; };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, plain);
}

HelperRoute parse_path(std::string_view path) {
  if (path == "/metrics") return {HelperRouteKind::metrics};
  if (!path.starts_with(kRoot)) return {};
  path.remove_prefix(kRoot.size());
  if (path == "version") return {HelperRouteKind::version};
  if (path == "status") return {HelperRouteKind::status};
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view kind = path.substr(0, slash), name = path.substr(slash + 1);
  if (!is_name(name)) return {};
  if (kind == "uploads") return {HelperRouteKind::upload, {}, name};
  if (kind == "status") return {HelperRouteKind::status_item, {}, name};
  const auto si = kind == "chk" ? base32_decode_id<StorageIndex>(name) : fail(Errc::malformed, "");
  if (!si) return {};
  return {HelperRouteKind::file, *si};
}

}  // namespace

HelperRoute parse_helper_route(std::string_view target) {
  if (target.size() > kTargetBytesMax) return {};
  const std::size_t mark = std::min(target.find('?'), target.size());
  HelperRoute route = parse_path(target.substr(0, mark));
  if (mark < target.size() && !take_query(target.substr(mark + 1), route)) return {};
  return route;
}

std::string helper_version_path() {
  return std::string(kRoot) + "version";
}
std::string helper_file_path(const StorageIndex& si) {
  return std::string(kRoot) + "chk/" + to_string(si);
}
std::string helper_upload_path(std::string_view token) {
  return std::string(kRoot) + "uploads/" + std::string(token);
}

}  // namespace holdfast::protocol
