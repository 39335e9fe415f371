// The helper's protocol over HTTP (docs/formats/helper-protocol.md): the one file that knows both HTTP and the service.
#pragma once

#include <string>

#include "holdfast/edge/http/server.h"
#include "holdfast/node/helper/helper_service.h"

namespace holdfast::helper {

struct RouteCounters {
  std::uint64_t requests = 0, unauthorized = 0, bad_requests = 0, broken_bodies = 0, busy = 0, mismatches = 0;
  std::uint64_t piece_bytes_lent = 0;
};

struct RouteSecrets {
  std::string swissnum;
  std::string operator_token;
  std::string application_version;
};

http::Handler make_helper_handler(HelperService& service, RouteCounters& counters, RouteSecrets secrets);

/// Prometheus text exposition, version 0.0.4.
std::string metrics_text(const HelperService& service, const RouteCounters& routes);
/// The operator's view, JSON.
std::string status_json(const HelperService& service);

}  // namespace holdfast::helper
