// A small HTTP/1.1 server: keep-alive, streaming bodies both ways, limits with names.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "holdfast/edge/http/message.h"
#include "holdfast/edge/http/tls.h"
#include "holdfast/edge/io/asio_loop.h"
#include "holdfast/edge/io/log.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::http {

struct ServerLimits {
  std::size_t head_bytes_max = 16'384;  // request line and header fields
  std::size_t headers_max = 100;
  std::size_t connections_max = 20'000;
  io::Duration idle_keep_alive = std::chrono::seconds(300);
  io::Duration handshake_timeout = std::chrono::seconds(30);
  io::Duration head_timeout = std::chrono::seconds(30);  // first byte to last byte of a head
  io::Duration body_idle_timeout = std::chrono::seconds(60);
  io::Duration write_idle_timeout = std::chrono::seconds(60);
  std::size_t drain_bytes_max = 64 * 1024;  // unread body skipped to keep a connection; more closes it
};

/// One request and its answer. Lives in the connection's coroutine while the handler runs.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual const RequestHead& request() const = 0;
  virtual BodyReader& body() = 0;
  virtual std::string peer() const = 0;  // address, for logs

  /// An interim answer (1xx) before the final one; nothing happens for clients that would not understand it.
  virtual io::Task<Result<void>> inform(ResponseHead head) = 0;
  /// The whole answer at once. Exactly one of respond and begin, once.
  virtual io::Task<Result<void>> respond(ResponseHead head, ByteView body) = 0;
  /// An answer of known length, in pieces; ends when `length` bytes were written.
  virtual io::Task<Result<void>> begin(ResponseHead head, std::uint64_t length) = 0;
  virtual io::Task<Result<void>> write(ByteView piece) = 0;
  /// Break the connection instead of finishing: how a failure in the middle of a body is told.
  virtual void abandon() = 0;
  /// The client will send nothing more: most likely it has left. Some finish sending and wait for the answer; so ask
  /// only when the answer takes long.
  virtual bool client_finished() const = 0;
};

/// Answers must be given before it returns; a handler that does not answer causes a 500.
/// HEAD: the server sends the head of what the handler responds and leaves the body out.
using Handler = std::function<io::Task<void>(Exchange&)>;

/// What the refusal of a head says to a page of that origin besides; no handler ever sees such a request.
using OriginFields = std::function<void(std::string_view origin, Headers& headers)>;

struct ServerCounters {
  std::uint64_t connections_accepted = 0, connections_open = 0, requests = 0;
  std::uint64_t refused_heads = 0, timeouts = 0, handshake_failures = 0;
  std::uint64_t body_bytes_received = 0, body_bytes_sent = 0;
};

/// Listens on construction; serves while serve() runs; TLS when a context is given.
class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    int listen_fd = -1;      // socket activation: used instead of host and port when >= 0
    const TlsServerContext* tls = nullptr;
    ServerLimits limits;
    OriginFields refusal_fields;  // may be empty
  };
  static Result<std::unique_ptr<Server>> listen(io::AsioLoop& loop, Options options, Handler handler, io::Log& log);
  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  /// Accepts until the scope is cancelled; then finishes: requests in progress get a moment (5 s), idle
  /// connections are closed at once.
  virtual io::Task<void> serve() = 0;
  virtual const ServerCounters& counters() const = 0;
};

}  // namespace holdfast::http
