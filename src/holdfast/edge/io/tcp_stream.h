// Plain TCP as a ByteStream.
#pragma once

#include "holdfast/edge/io/byte_stream.h"
#include "holdfast/edge/io/socket.h"

namespace holdfast::io {

/// How much a stream reads or writes without waiting before others get their turn.
inline constexpr std::size_t kBurstBytesMax = 256 * 1024;

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(std::unique_ptr<Socket> socket) : socket_(std::move(socket)) {}

  Task<Result<std::size_t>> read_some(MutableByteView out) override;
  Task<Result<void>> write_all(std::span<const ByteView> parts) override;
  void finish_writing() override { socket_->shutdown_write(); }
  void close() override { socket_->close(); }
  void set_idle_limits(Duration read, Duration write) override { socket_->set_idle_limits(read, write); }
  bool quiet() const override { return socket_->quiet(); }
  bool peer_finished() const override { return socket_->peer_finished(); }
  std::size_t unacknowledged() const override { return socket_->unacknowledged(); }

 private:
  std::unique_ptr<Socket> socket_;
  std::size_t burst_bytes_ = 0;  // moved since the last wait
};

}  // namespace holdfast::io
