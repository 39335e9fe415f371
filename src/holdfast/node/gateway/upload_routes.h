// Whose request about an upload is it: by which dialect, to which upload (resumable-upload.md 4).
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// /uploads and what is below it; PUT and POST of /uri, and /uri?resume=KEY. To be called after the routes of files are there.
/// All arguments outlive the table.
void add_upload_routes(RouteTable& routes, const UploadDesk& desk);

}  // namespace holdfast::gateway
