// Uploads by clients that know no dialect: curl, scripts, the clients of Tahoe-LAFS (web-api.md 4.2 and 15.2).
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// POST /uploads without anything: an upload of any length, to be sent to with PUT. With a body: the whole file.
io::Task<void> plain_create(const UploadDesk& desk, WebRequest request);
/// PUT, HEAD, GET and DELETE of an upload by its URL.
io::Task<void> plain_request(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle);

/// /uri?resume=KEY: an upload by a name of the client's choosing. PUT, HEAD, GET, DELETE.
io::Task<void> named_request(const UploadDesk& desk, WebRequest request, std::string_view key);

/// PUT /uri: the body is the file; the answer is its cap.
io::Task<void> put_file(const UploadDesk& desk, WebRequest request);
/// POST /uri: the file is in a form.
io::Task<void> post_form(const UploadDesk& desk, WebRequest request);

}  // namespace holdfast::gateway
