// Resumable Uploads for HTTP, interop versions 3 to 10 (resumable-upload.md 2): requests into what the core of uploads
// understands, and back.
#pragma once

#include "holdfast/core/resume/draft_rules.h"
#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// By whose rules a request speaks. Nothing: it does not speak the draft, or a version that is not known here.
std::optional<resume::DraftRules> draft_rules_of(const http::Exchange& exchange);
/// A request to a resource that is no upload: does it begin one, by these rules?
bool begins_draft_upload(const http::Exchange& exchange, const resume::DraftRules& rules);
/// "Upload-Limit" of this gateway, of an upload when there is one.
std::string upload_limit(const UploadDesk& desk, const UploadHandle* handle);

io::Task<void> draft_create(const UploadDesk& desk, WebRequest request, resume::DraftRules rules);
/// HEAD, GET, PATCH or DELETE. `handle` may be null.
io::Task<void> draft_request(const UploadDesk& desk, WebRequest request, std::string_view method,
                             UploadHandlePtr handle, resume::DraftRules rules);

}  // namespace holdfast::gateway
