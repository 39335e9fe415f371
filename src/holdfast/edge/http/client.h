// The HTTP client of one server: a pool of kept connections, streaming bodies both ways, pinned TLS.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/edge/http/message.h"
#include "holdfast/edge/http/tls.h"
#include "holdfast/edge/io/asio_loop.h"

namespace holdfast::http {

/// Paces what is sent (and read) across all connections of a program: `--limit-rate`.
class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  /// Waits until `bytes` may go; false when cancelled.
  virtual io::Task<bool> take(std::size_t bytes) = 0;
  /// It is this limit that bytes wait for, or did a moment ago: nobody else is to blame when they are slow.
  virtual bool holds_back() const = 0;
  virtual std::uint64_t bytes_per_second() const = 0;
};
/// bytes_per_second > 0; bursts of at most a quarter of a second.
std::unique_ptr<RateLimiter> make_rate_limiter(io::Loop& loop, std::uint64_t bytes_per_second);

struct ClientOptions {
  std::string host;
  std::uint16_t port = 443;
  SpkiHash pin;
  io::Duration connect_timeout = std::chrono::seconds(15);  // TCP and TLS
  io::Duration idle_timeout = std::chrono::seconds(15);     // silence while sending or inside an answer
  std::size_t connections_max = 8;                          // further requests wait
  std::size_t idle_connections_max = 8;
  std::size_t head_bytes_max = 64 * 1024;
  int unsent_bytes_max = 256 * 1024;  // TCP_NOTSENT_LOWAT (bounded waste)
  RateLimiter* send_limit = nullptr;  // may be shared by many clients
  RateLimiter* receive_limit = nullptr;
};

struct ClientRequest {
  std::string method;
  std::string target;
  Headers headers;                                         // Host and Content-Length are added
  Bytes body;                                              // used when `source` is null
  BodySource* source = nullptr;                            // must outlive the exchange
  io::Duration answer_timeout = std::chrono::seconds(15);  // from the last byte that got there to the answer's head
  /// Told of each interim answer (1xx), also while the body is still being sent.
  std::function<void(unsigned status, const Headers& headers)> on_interim{};
};

/// What each request adds; loop thread only.
struct ClientCounters {
  std::uint64_t connections = 0;  // made, handshake complete
  std::uint64_t broken = 0;       // connections that ended in the middle of an exchange
  std::uint64_t requests = 0;
  std::uint64_t body_bytes_sent = 0;  // request-body bytes handed to the connection (I4 counts these)
  std::uint64_t body_bytes_received = 0;
};

/// An answer whose head has arrived. The connection goes back to the pool when the body has been read to its
/// end, and is closed when this is destroyed before.
class ClientResponse {
 public:
  virtual ~ClientResponse() = default;
  virtual unsigned status() const = 0;
  virtual const Headers& headers() const = 0;
  virtual BodyReader& body() = 0;
  /// How many bytes of the request's body had been sent when the answer came (all, unless it came early).
  virtual std::uint64_t request_bytes_sent() const = 0;
};

/// Errors of send: unavailable (cannot connect, reset, ended early), timeout (silence), unauthorized
/// (certificate does not match the pin), malformed (the answer is not HTTP), cancelled.
/// A request on a kept connection that breaks before the first byte of an answer is tried once more on a
/// fresh one if nothing of it can have been acted on: no body, or GET and HEAD.
class Client {
 public:
  static std::unique_ptr<Client> create(io::AsioLoop& loop, const TlsClientContext& tls, ClientOptions options);
  virtual ~Client() = default;

  /// An answer may come before the body is sent (401, 409, ...): sending stops and that answer is given.
  virtual io::Task<Result<std::unique_ptr<ClientResponse>>> send(ClientRequest request) = 0;
  /// Opens so many connections beside those there are, for requests that will come at once. Failures are not told: a
  /// request will meet them.
  virtual io::Task<void> make_ready(std::size_t connections) = 0;
  /// The identity seen in the last verified handshake.
  virtual std::optional<CertificateIdentity> peer() const = 0;
  virtual const ClientCounters& counters() const = 0;
  /// Closes idle connections, so that the next request starts on a fresh one.
  virtual void drop_idle() = 0;
};

}  // namespace holdfast::http
