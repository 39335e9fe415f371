// TCP sockets on the loop: when they are ready, and for how long that may take. What is read and written is
// the business of TcpStream and of TLS.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "holdfast/edge/io/asio_loop.h"
#include "holdfast/edge/io/byte_stream.h"

namespace holdfast::io {

/// A connected, non-blocking socket with TCP_NODELAY. It must outlive what waits on it. Loop thread only.
class Socket {
 public:
  class Implementation;  // Asio stays in the .cc file
  explicit Socket(std::unique_ptr<Implementation> implementation);
  ~Socket();

  /// -1 after close().
  int descriptor() const;
  Loop& loop() const;

  /// Wait until a read (write) would not block. Errors: timeout, cancelled, unavailable (closed).
  /// Idle limits cost no timer for each wait: one timer a socket, looked at again when it fires.
  Task<Result<void>> readable();
  Task<Result<void>> writable();
  /// Back to the loop, so that a fast connection does not starve the others.
  Task<void> yield();

  void set_idle_limits(Duration read, Duration write);
  void shutdown_write();
  void close();
  /// Nothing to read and not closed by the peer.
  bool quiet() const;
  /// Nothing to read any more: the peer has closed its side, or the connection broke.
  bool peer_finished() const;
  /// Bytes that were written and that the peer's machine has not taken yet.
  std::size_t unacknowledged() const;
  /// "192.0.2.1:4711", "[2001:db8::1]:4711"; for logs.
  std::string peer() const;

 private:
  std::unique_ptr<Implementation> implementation_;
};

struct Endpoint {
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 0;
};

/// What the kernel may hold of a connection; 0: as much as it likes.
struct KernelBuffers {
  int unsent_bytes_max = 0;  // without having sent it (TCP_NOTSENT_LOWAT)
  int unread_bytes_max = 0;  // that have come and were not read (SO_RCVBUF, of which the kernel has its own idea)
};

/// To the first address of the host that answers: the next one is tried when the one before has failed, or has said nothing for a
/// quarter of a second (RFC 8305, section 5). Errors: unavailable, cancelled; limit it with with_timeout.
Task<Result<std::unique_ptr<Socket>>> connect_socket(AsioLoop& loop, Endpoint to, KernelBuffers buffers);
/// The same for addresses that are known; at least one, no names.
Task<Result<std::unique_ptr<Socket>>> connect_first(AsioLoop& loop, std::vector<Endpoint> addresses,
                                                    KernelBuffers buffers);

/// A listening socket, with SO_REUSEADDR and the longest backlog.
class Listener {
 public:
  /// Port 0: any free one. Errors: conflict (in use), unauthorized, unavailable, each with the address.
  static Result<std::unique_ptr<Listener>> listen(AsioLoop& loop, const Endpoint& at);
  /// A socket that somebody else made and bound (socket activation); owned from now on.
  static Result<std::unique_ptr<Listener>> adopt(AsioLoop& loop, int descriptor);
  virtual ~Listener() = default;
  virtual std::uint16_t port() const = 0;
  /// Errors: cancelled; no_space (no descriptors or memory left: try again later); unavailable.
  virtual Task<Result<std::unique_ptr<Socket>>> accept() = 0;
};

}  // namespace holdfast::io
