// The servers of a node: from its configuration to ports that speak HTTPS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "holdfast/core/protocol/announcement.h"
#include "holdfast/edge/http/client.h"
#include "holdfast/node/grid/storage_server.h"

namespace holdfast::grid {

struct HttpServerOptions {
  io::Duration silence = std::chrono::seconds(15);       // no byte, no answer
  io::Duration completing = std::chrono::seconds(600);   // answer to a write, at most
  io::Duration version_lasts = std::chrono::seconds(5);  // how long a version is remembered for the next files
  http::RateLimiter* send_limit = nullptr;
  http::RateLimiter* receive_limit = nullptr;
};

/// One server over Great Black Swamp. Refuses to send lease secrets when the announced TubID is not that of
/// the certificate presented (announcements by fURL); a server known by a NURL alone is taken at its certificate.
std::unique_ptr<StorageServer> make_http_server(io::AsioLoop& loop, const http::TlsClientContext& tls,
                                                protocol::Announcement announcement, HttpServerOptions options);

}  // namespace holdfast::grid
