// Every bound of the gateway, with its name.
#pragma once

#include <cstdint>

#include "holdfast/edge/http/server.h"

namespace holdfast::gateway {

/// Of heads and of time (resumable-upload.md 5.8). A concatenation may name a thousand uploads in one field.
inline http::ServerLimits web_limits() {
  http::ServerLimits out;
  out.head_bytes_max = 80 * 1024;
  out.headers_max = 128;
  out.head_timeout = std::chrono::seconds(10);
  out.idle_keep_alive = std::chrono::seconds(75);
  return out;
}

struct GatewayLimits {
  http::ServerLimits http = web_limits();

  // Memory. Together with a few hundred bytes a connection these are all that grows with what clients do.
  std::uint64_t cache_bytes_max = 64 * 1'048'576;      // verified segments, kept for whoever asks next
  std::uint64_t held_bytes_max = 128 * 1'048'576;      // of segments that readers hold while they send, or want next
  std::uint64_t fetching_bytes_max = 128 * 1'048'576;  // of segments on their way from servers
  std::uint64_t run_bytes_max = 8 * 1'048'576;         // fetched at once for one reader, who has up to three such runs
  std::size_t piece_bytes = 256 * 1024;                // written at once
  std::size_t known_digests_max = 10'000;              // files whose SHA-256 is remembered

  // Files.
  std::size_t open_files_max = 256;
  std::size_t opening_files_max = 64;                    // of them, not open yet: a cap that somebody made up never is
  io::Duration idle_file = std::chrono::seconds(60);     // nobody reads it: closed
  io::Duration first_byte = std::chrono::seconds(30);    // nothing comes for a request that waits for it: 503
  io::Duration no_progress = std::chrono::seconds(120);  // no server answers in the middle of a body: it is broken off
  io::Duration look = std::chrono::seconds(1);           // how often a waiting reader looks whether its client is there
  std::uint64_t looks_before_leaving = 2;                // of a client that has finished sending

  // Checks, all together; more are told to come again. One that only asks counts as 1.
  std::uint64_t checks_max = 16;
  std::uint64_t verify_counts_as = 8;  // also a repair: they read every share of a file
};

}  // namespace holdfast::gateway
