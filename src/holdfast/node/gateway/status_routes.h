// The node to those who look after it: JSON (web-api.md 11, and more) and metrics. No cap, file name or whole storage index.
#pragma once

#include "holdfast/node/gateway/node_status.h"
#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

struct StatusDesk {
  NodeStatus& status;
  const UploadHandles* uploads;  // null: none are taken
  SharedState& shared;
  std::string version;
};

/// GET /status, /metrics, and /?t=json.
void add_status_routes(RouteTable& routes, const StatusDesk& desk);

}  // namespace holdfast::gateway
