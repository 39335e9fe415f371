// The helpers of a node: from their NURLs to ports that speak HTTPS.
#pragma once

#include <memory>

#include "holdfast/core/protocol/nurl.h"
#include "holdfast/node/grid/server_list.h"
#include "holdfast/node/grid/upload_helper.h"

namespace holdfast::grid {

/// Of the options `version_lasts` says nothing to it. Its name is host:port.
std::unique_ptr<UploadHelper> make_http_helper(io::AsioLoop& loop, const http::TlsClientContext& tls,
                                               const protocol::Nurl& nurl, HttpServerOptions options);

}  // namespace holdfast::grid
