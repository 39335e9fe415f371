// POST /uri/CAP?t=check: is the file healthy, is every byte right, make it whole again (web-api.md 8).
#pragma once

#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {

io::Task<void> check_file(SharedState& shared, WebRequest request);

}  // namespace holdfast::gateway
