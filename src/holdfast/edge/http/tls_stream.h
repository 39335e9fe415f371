// TLS over a socket of the loop, as a ByteStream.
#pragma once

#include <memory>
#include <optional>

#include "holdfast/edge/http/tls.h"
#include "holdfast/edge/io/byte_stream.h"
#include "holdfast/edge/io/socket.h"

struct ssl_st;

namespace holdfast::http {

/// OpenSSL works on the non-blocking socket; its own buffers and that of the socket are given back while nothing is in
/// flight, so that an idle connection stays small. Never raises SIGPIPE.
/// A stream that ends without TLS's own end (close_notify) was cut: reading tells unavailable, never 0.
class TlsStream final : public io::ByteStream {
 public:
  /// Handshakes. Errors: unavailable (not TLS, broken), unauthorized (connect: wrong certificate), timeout
  /// (idle limits of the socket), cancelled. The contexts must outlive the stream.
  static io::Task<Result<std::unique_ptr<TlsStream>>> accept(std::unique_ptr<io::Socket> socket,
                                                             const TlsServerContext& context);
  static io::Task<Result<std::unique_ptr<TlsStream>>> connect(std::unique_ptr<io::Socket> socket,
                                                              const TlsClientContext& context, SpkiHash pin);
  ~TlsStream() override;

  /// Client side: the certificate that was presented and verified.
  const CertificateIdentity& peer_identity() const { return identity_; }

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override;
  io::Task<Result<void>> write_all(std::span<const ByteView> parts) override;
  void finish_writing() override;
  void close() override { socket_->close(); }
  void set_idle_limits(io::Duration read, io::Duration write) override { socket_->set_idle_limits(read, write); }
  bool quiet() const override;
  bool peer_finished() const override { return socket_->peer_finished(); }
  std::size_t unacknowledged() const override { return socket_->unacknowledged(); }

 private:
  TlsStream(std::unique_ptr<io::Socket> socket, ssl_st* ssl) : socket_(std::move(socket)), ssl_(ssl) {}
  static Result<std::unique_ptr<TlsStream>> over(std::unique_ptr<io::Socket> socket, ssl_ctx_st* context);
  io::Task<Result<void>> handshake();
  io::Task<Result<void>> write_piece(ByteView piece);
  io::Task<Result<void>> flush();
  /// After a call that did not succeed: waits for what OpenSSL wants, or tells the error.
  io::Task<Result<void>> wait_after(int result);

  std::unique_ptr<io::Socket> socket_;
  ssl_st* ssl_;
  CertificateIdentity identity_;
  std::size_t burst_bytes_ = 0;  // moved since the last wait
  bool writing_ = false;         // inside a record, or cut off inside one: nothing else may be written
};

}  // namespace holdfast::http
