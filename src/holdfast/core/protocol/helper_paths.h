// The paths of the helper's protocol (docs/formats/helper-protocol.md): one closed set of routes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/core/base/ids.h"

namespace holdfast::protocol {

enum class HelperRouteKind {
  unknown,      // 404
  version,      // GET /helper/v1/version
  file,         // POST, GET /helper/v1/chk/:si[?wait=S]
  upload,       // HEAD, PATCH, DELETE /helper/v1/uploads/:token, GET ?digests[&first=N][&count=M], PUT ?piece=N
  status,       // GET /helper/v1/status
  status_item,  // POST /helper/v1/status/:id?do=retry|drop
  metrics,      // GET /metrics
};

struct HelperRoute {
  HelperRouteKind kind = HelperRouteKind::unknown;
  StorageIndex si{};
  std::string_view token{};  // of an upload, or the id of a status item: into the target
  std::optional<std::uint64_t> wait{}, first{}, count{}, piece{};
  bool digests = false;
  std::string_view action{};  // of ?do=
};

/// Unknown paths, parameters, repeated parameters and numbers that are none are `unknown`.
HelperRoute parse_helper_route(std::string_view target);

std::string helper_version_path();
std::string helper_file_path(const StorageIndex& si);
std::string helper_upload_path(std::string_view token);

}  // namespace holdfast::protocol
