// Downloads: GET and HEAD of /uri/CAP and /file/CAP/.../NAME, for the caps of immutable files.
#pragma once

#include "holdfast/node/gateway/file_table.h"
#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {

/// Adds them, with their synonyms /cap and /named. `files` outlives the table.
void add_file_routes(RouteTable& routes, FileTable& files, SharedState& shared);

}  // namespace holdfast::gateway
