#include "holdfast/core/protocol/storage_paths.h"

#include <algorithm>
#include <vector>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kPathBytesMax = 256;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    out.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  return out;
}

std::optional<std::uint64_t> share_of(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  while (text.size() > 1 && text.front() == '0') text.remove_prefix(1);
  return parse_decimal(text).value_or(kNoSuchShare);
}

RouteKind below_share(std::string_view kind, std::string_view verb) {
  if (kind == "immutable" && verb == "abort") return RouteKind::abort;
  if (verb == "corrupt") return kind == "immutable" ? RouteKind::corrupt : RouteKind::mutable_corrupt;
  return RouteKind::unknown;
}

/// The parts behind /storage/v1/<kind>/<si>.
Route below_index(std::string_view kind, const StorageIndex& si, const std::vector<std::string_view>& rest) {
  const bool immutable = kind == "immutable";
  if (rest.empty()) return immutable ? Route{RouteKind::allocate, si} : Route{};
  if (rest.size() == 1 && rest[0] == "shares") return {immutable ? RouteKind::list : RouteKind::mutable_list, si};
  if (rest.size() == 1 && !immutable && rest[0] == "read-test-write") return {RouteKind::mutable_read_test_write, si};
  const auto share = share_of(rest[0]);
  if (!share || rest.size() > 2) return {};
  if (rest.size() == 1) return {immutable ? RouteKind::share : RouteKind::mutable_share, si, *share};
  return {below_share(kind, rest[1]), si, *share};
}

std::string share_text(ShareNumber share) {
  return std::to_string(share);
}

}  // namespace

Route parse_route(std::string_view path) {
  if (path.size() > kPathBytesMax) return {};
  const std::vector<std::string_view> parts = split(path);  // "", "storage", ...
  if (parts.size() < 4 || !parts[0].empty() || parts[1] != "storage") return {};
  if (parts[2] == "v1" && parts[3] == "version" && parts.size() == 4) return {RouteKind::version, {}};
  if (parts.size() < 5) return {};
  const auto si = base32_decode_id<StorageIndex>(parts[4]);
  if (!si) return {};
  if (parts[2] == "resume") {
    return parts[3] == "v1" && parts.size() == 5 ? Route{RouteKind::resume_status, *si} : Route{};
  }
  if (parts[2] != "v1") return {};
  if (parts[3] == "lease") return parts.size() == 5 ? Route{RouteKind::lease, *si} : Route{};
  if (parts[3] != "immutable" && parts[3] != "mutable") return {};
  return below_index(parts[3], *si, std::vector<std::string_view>(parts.begin() + 5, parts.end()));
}

std::string version_path() {
  return "/storage/v1/version";
}
std::string lease_path(const StorageIndex& si) {
  return "/storage/v1/lease/" + to_string(si);
}
std::string allocate_path(const StorageIndex& si) {
  return "/storage/v1/immutable/" + to_string(si);
}
std::string list_path(const StorageIndex& si) {
  return allocate_path(si) + "/shares";
}
std::string share_path(const StorageIndex& si, ShareNumber share) {
  return allocate_path(si) + "/" + share_text(share);
}
std::string abort_path(const StorageIndex& si, ShareNumber share) {
  return share_path(si, share) + "/abort";
}
std::string corrupt_path(const StorageIndex& si, ShareNumber share) {
  return share_path(si, share) + "/corrupt";
}
std::string resume_status_path(const StorageIndex& si) {
  return "/storage/resume/v1/" + to_string(si);
}

}  // namespace holdfast::protocol
