#include "holdfast/edge/http/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "holdfast/edge/http/socket_bio.h"
#include "holdfast/edge/http/tls_verify.h"
#include "holdfast/edge/io/tcp_stream.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kRecordBytesMax = 16 * 1024;

/// The reason of the failed call, from OpenSSL's queue and errno.
tl::unexpected<Error> broken(int kind, int system_error) {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  if (kind == SSL_ERROR_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    return fail(Errc::unavailable, "the connection was cut");
  }
  if (kind == SSL_ERROR_SSL) {
    const char* reason = ERR_reason_error_string(error);
    return fail(Errc::unavailable, std::string("TLS failed: ") + (reason != nullptr ? reason : "unknown reason"));
  }
  if (system_error == 0) return fail(Errc::unavailable, "the connection was cut");
  return fail(Errc::unavailable, "the connection broke: " + std::generic_category().message(system_error));
}

}  // namespace

TlsStream::~TlsStream() {
  SSL_free(ssl_);
}

Result<std::unique_ptr<TlsStream>> TlsStream::over(std::unique_ptr<io::Socket> socket, ssl_ctx_st* context) {
  SSL* ssl = SSL_new(context);
  BIO* bio = make_socket_bio(socket->descriptor());
  if (ssl == nullptr || bio == nullptr) {
    SSL_free(ssl);
    BIO_free(bio);
    return fail(Errc::unavailable, "out of memory for a TLS connection");
  }
  SSL_set_bio(ssl, bio, bio);
  return std::unique_ptr<TlsStream>(new TlsStream(std::move(socket), ssl));
}

io::Task<Result<void>> TlsStream::wait_after(int result) {
  const int system_error = errno;
  const int kind = SSL_get_error(ssl_, result);
  burst_bytes_ = 0;
  if (socket_->descriptor() < 0) co_return fail(Errc::unavailable, "the connection was closed");
  if (kind == SSL_ERROR_WANT_READ) {
    co_return co_await socket_->readable();
  }
  if (kind == SSL_ERROR_WANT_WRITE) {
    co_return co_await socket_->writable();
  }
  co_return broken(kind, system_error);
}

io::Task<Result<void>> TlsStream::handshake() {
  for (;;) {
    if (socket_->descriptor() < 0) co_return fail(Errc::unavailable, "the connection was closed");
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) co_return Result<void>{};
    HF_CO_TRY_VOID(co_await wait_after(result));
  }
}

io::Task<Result<std::unique_ptr<TlsStream>>> TlsStream::accept(std::unique_ptr<io::Socket> socket,
                                                               const TlsServerContext& context) {
  HF_CO_TRY(std::unique_ptr<TlsStream> stream, over(std::move(socket), context.native()));
  SSL_set_accept_state(stream->ssl_);
  HF_CO_TRY_VOID(co_await stream->handshake());
  co_return std::move(stream);
}

io::Task<Result<std::unique_ptr<TlsStream>>> TlsStream::connect(std::unique_ptr<io::Socket> socket,
                                                                const TlsClientContext& context, SpkiHash pin) {
  HF_CO_TRY(std::unique_ptr<TlsStream> stream, over(std::move(socket), context.native()));
  SSL_set_connect_state(stream->ssl_);
  ExpectedPin expected{pin};
  expect_pin(stream->ssl_, expected);
  auto done = co_await stream->handshake();
  const bool refused = SSL_get_verify_result(stream->ssl_) != X509_V_OK;
  if (!done && !refused) co_return tl::make_unexpected(std::move(done).error());
  HF_CO_TRY(stream->identity_, check_presented(stream->ssl_, expected));
  co_return std::move(stream);
}

io::Task<Result<std::size_t>> TlsStream::read_some(MutableByteView out) {
  HF_CHECK(!out.empty());
  if (burst_bytes_ >= io::kBurstBytesMax) {
    burst_bytes_ = 0;
    co_await socket_->yield();
  }
  for (;;) {
    if (socket_->descriptor() < 0) co_return fail(Errc::unavailable, "the connection was closed");
    // One call gives one record at most; take all that is there.
    const std::size_t wanted = std::min(out.size(), io::kBurstBytesMax);
    std::size_t filled = 0;
    int result = 1;
    while (filled < wanted) {
      ERR_clear_error();
      errno = 0;
      std::size_t count = 0;
      result = SSL_read_ex(ssl_, out.data() + filled, wanted - filled, &count);
      if (result != 1) break;
      filled += count;
    }
    if (filled > 0) {
      // What stopped it, if it was an error, is told by the next call: OpenSSL keeps it.
      burst_bytes_ += filled;
      co_return filled;
    }
    if (SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
    HF_CO_TRY_VOID(co_await wait_after(result));
  }
}

io::Task<Result<void>> TlsStream::write_piece(ByteView piece) {
  while (!piece.empty()) {
    if (burst_bytes_ >= io::kBurstBytesMax) {
      burst_bytes_ = 0;
      co_await socket_->yield();
    }
    if (socket_->descriptor() < 0) co_return fail(Errc::unavailable, "the connection was closed");
    ERR_clear_error();
    errno = 0;
    std::size_t count = 0;
    const int result = SSL_write_ex(ssl_, piece.data(), piece.size(), &count);
    if (result == 1) {
      burst_bytes_ += count;
      piece = piece.subspan(count);
      continue;
    }
    HF_CO_TRY_VOID(co_await wait_after(result));
  }
  co_return Result<void>{};
}

io::Task<Result<void>> TlsStream::flush() {
  for (;;) {
    if (socket_->descriptor() < 0) co_return fail(Errc::unavailable, "the connection was closed");
    const Flushed flushed = flush_socket_bio(SSL_get_wbio(ssl_));
    if (flushed == Flushed::all) co_return Result<void>{};
    if (flushed == Flushed::broken) co_return broken(SSL_ERROR_SYSCALL, errno);
    burst_bytes_ = 0;
    HF_CO_TRY_VOID(co_await socket_->writable());
  }
}

io::Task<Result<void>> TlsStream::write_all(std::span<const ByteView> parts) {
  // A write that was cut off may have left half a record behind.
  if (writing_) co_return fail(Errc::unavailable, "an earlier write on this connection was cut off");
  writing_ = true;
  // Small parts (a head, a small body) share a record; large ones go as they are.
  Bytes small;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    if (small.size() + parts[i].size() <= kRecordBytesMax && !(last && small.empty())) {
      append(small, parts[i]);
      if (!last) continue;
      HF_CO_TRY_VOID(co_await write_piece(small));
      continue;
    }
    ByteView part = parts[i];
    if (!small.empty()) {
      const std::size_t room = kRecordBytesMax - small.size();
      append(small, part.first(room));
      part = part.subspan(room);
      HF_CO_TRY_VOID(co_await write_piece(small));
      small.clear();
    }
    HF_CO_TRY_VOID(co_await write_piece(part));
  }
  HF_CO_TRY_VOID(co_await flush());
  writing_ = false;
  co_return Result<void>{};
}

void TlsStream::finish_writing() {
  if (socket_->descriptor() < 0) return;
  ERR_clear_error();
  if (!writing_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
  socket_->shutdown_write();
}

bool TlsStream::quiet() const {
  if (socket_->quiet()) return SSL_pending(ssl_) == 0;
  if (socket_->descriptor() < 0) return false;
  // Something came that nobody has read: of most servers the session tickets that follow their handshake. OpenSSL takes those.
  ERR_clear_error();
  errno = 0;
  char byte = 0;
  std::size_t count = 0;
  const int result = SSL_peek_ex(ssl_, &byte, sizeof byte, &count);
  return result != 1 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ;
}

}  // namespace holdfast::http
