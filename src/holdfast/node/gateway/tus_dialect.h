// tus 1.0.0 (resumable-upload.md 1): requests into what the core of uploads understands, and back.
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// Does anything of the request say that it is tus?
bool speaks_tus(const http::Exchange& exchange);
/// What discovery says.
void add_tus_discovery(http::Headers& headers, const UploadDesk& desk);

io::Task<void> tus_create(const UploadDesk& desk, WebRequest request);
/// `method` after X-HTTP-Method-Override: HEAD, PATCH or DELETE. `handle` may be null.
io::Task<void> tus_request(const UploadDesk& desk, WebRequest request, std::string_view method, UploadHandlePtr handle);

}  // namespace holdfast::gateway
