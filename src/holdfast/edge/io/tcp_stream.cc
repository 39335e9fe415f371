#include "holdfast/edge/io/tcp_stream.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace holdfast::io {
namespace {

constexpr std::size_t kPartsPerCallMax = 16;

tl::unexpected<Error> broken(int error) {
  return fail(Errc::unavailable, "the connection broke: " + std::generic_category().message(error));
}

}  // namespace

Task<Result<std::size_t>> TcpStream::read_some(MutableByteView out) {
  HF_CHECK(!out.empty());
  if (burst_bytes_ >= kBurstBytesMax) {
    burst_bytes_ = 0;
    co_await socket_->yield();
  }
  for (;;) {
    const ssize_t got = ::recv(socket_->descriptor(), out.data(), out.size(), 0);
    if (got >= 0) {
      burst_bytes_ += static_cast<std::size_t>(got);
      co_return static_cast<std::size_t>(got);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) co_return broken(errno);
    burst_bytes_ = 0;
    HF_CO_TRY_VOID(co_await socket_->readable());
  }
}

Task<Result<void>> TcpStream::write_all(std::span<const ByteView> parts) {
  std::size_t index = 0, done = 0;  // the part, and what of it has gone
  while (index < parts.size()) {
    std::array<iovec, kPartsPerCallMax> vectors;
    std::size_t count = 0;
    for (std::size_t i = index; i < parts.size() && count < kPartsPerCallMax; ++i) {
      const ByteView rest = i == index ? parts[i].subspan(done) : parts[i];
      vectors[count++] = {const_cast<std::uint8_t*>(rest.data()), rest.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t put = ::sendmsg(socket_->descriptor(), &message, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return broken(errno);
      burst_bytes_ = 0;
      HF_CO_TRY_VOID(co_await socket_->writable());
      continue;
    }
    done += static_cast<std::size_t>(put);
    while (index < parts.size() && done >= parts[index].size()) done -= parts[index++].size();
    burst_bytes_ += static_cast<std::size_t>(put);
    if (burst_bytes_ >= kBurstBytesMax && index < parts.size()) {
      burst_bytes_ = 0;
      co_await socket_->yield();
    }
  }
  co_return Result<void>{};
}

}  // namespace holdfast::io
