// What the system tells of a real connection on loopback.
#include "holdfast/edge/io/socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>

#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/tcp_stream.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kBytes = 64 << 20;  // more than a machine takes before somebody reads

Task<void> write_zeros(ByteStream* stream, bool* written) {
  const Bytes zeros(kBytes);
  const std::array<ByteView, 1> parts{zeros};
  const Result<void> result = co_await stream->write_all(parts);
  *written = result.has_value();
}

Task<bool> comes_true(std::function<bool()> condition) {
  const Time begun = (co_await this_scope()).loop().now();
  for (bool on = true; on && (co_await this_scope()).loop().now() - begun < seconds(30);) {
    if (condition()) co_return true;
    on = co_await sleep_for(milliseconds(1));
  }
  co_return false;
}

/// What the kernel takes in for one who does not read, from a peer that sends whatever goes.
Task<void> measure_unread(AsioLoop* loop, KernelBuffers buffers, std::size_t* unread) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof at;
  auto* where = reinterpret_cast<sockaddr*>(&at);
  EXPECT_EQ(::bind(listener, where, length), 0);
  EXPECT_EQ(::listen(listener, 1), 0);
  EXPECT_EQ(::getsockname(listener, where, &length), 0);
  Endpoint to{"127.0.0.1", ntohs(at.sin_port)};
  const auto reader = co_await connect_socket(*loop, std::move(to), buffers);
  EXPECT_TRUE(reader.has_value());
  const int peer = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
  const Bytes zeros(1 << 20);
  std::size_t sent = 0;
  int before = -1, same = 0;
  const std::function<bool()> stands = [&] {
    for (ssize_t count = 1; count > 0; sent += count > 0 ? static_cast<std::size_t>(count) : 0)
      count = ::send(peer, zeros.data(), zeros.size(), MSG_NOSIGNAL);
    int waits = 0;
    EXPECT_EQ(::ioctl(peer, SIOCOUTQ, &waits), 0);
    same = waits == std::exchange(before, waits) ? same + 1 : 0;
    return same == 100;
  };
  const bool full = co_await comes_true(stands);
  EXPECT_TRUE(full);
  *unread = sent - static_cast<std::size_t>(before);
  ::close(peer);
  ::close(listener);
}

TEST(Socket, TakesInNoMoreThanItMay) {
  std::size_t freely = 0, bounded = 0;
  for (std::size_t* unread : {&freely, &bounded}) {
    AsioLoop loop;
    CancelScope scope(loop);
    KernelBuffers buffers;
    if (unread == &bounded) buffers.unread_bytes_max = 8'192;
    loop.run(measure_unread(&loop, buffers, unread), scope);
  }
  EXPECT_GT(bounded, 0u);
  EXPECT_LE(bounded, 2 * 8'192u);  // as much again is for the kernel's own use
  EXPECT_GT(freely, 2 * bounded);
}

Task<void> watch_a_writer(AsioLoop* loop) {
  const auto listener = Listener::listen(*loop, Endpoint{"127.0.0.1", 0}).value();
  Endpoint to{"127.0.0.1", listener->port()};
  auto connected = co_await connect_socket(*loop, std::move(to), {});
  auto accepted = co_await listener->accept();
  TcpStream writer(std::move(*connected)), reader(std::move(*accepted));
  EXPECT_EQ(writer.unacknowledged(), 0U);
  bool written = false;
  TaskGroup writing(co_await this_scope());
  writing.spawn(write_zeros(&writer, &written));
  const std::function<bool()> waits = [&] { return writer.unacknowledged() > 0; };
  const bool held_up = co_await comes_true(waits);
  EXPECT_TRUE(held_up);
  Bytes buffer(1 << 20);
  std::size_t came = 0;
  while (came < kBytes) {
    const auto count = co_await reader.read_some(buffer);
    if (!count || *count == 0) break;
    came += *count;
  }
  EXPECT_EQ(came, kBytes);
  co_await writing.join();
  EXPECT_TRUE(written);
  const std::function<bool()> is_taken = [&] { return writer.unacknowledged() == 0; };
  const bool taken = co_await comes_true(is_taken);
  EXPECT_TRUE(taken);
  writer.close();
  EXPECT_EQ(writer.unacknowledged(), 0U);
}

TEST(Socket, KnowsWhatThePeerHasNotTaken) {
  AsioLoop loop;
  CancelScope scope(loop);
  loop.run(watch_a_writer(&loop), scope);
}

/// A port of an address where connecting neither succeeds nor fails: its queue is full, and nobody accepts.
class BlackHole {
 public:
  BlackHole(const char* address, std::uint16_t port) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    inet_pton(AF_INET, address, &at.sin_addr);
    const auto* where = reinterpret_cast<const sockaddr*>(&at);
    for (int& descriptor : descriptors_) descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    EXPECT_EQ(::bind(descriptors_[0], where, sizeof at), 0);
    EXPECT_EQ(::listen(descriptors_[0], 0), 0);
    for (std::size_t i = 1; i < descriptors_.size(); ++i)
      static_cast<void>(::connect(descriptors_[i], where, sizeof at));
  }
  BlackHole(const BlackHole&) = delete;
  BlackHole& operator=(const BlackHole&) = delete;
  ~BlackHole() {
    for (const int descriptor : descriptors_) ::close(descriptor);
  }

 private:
  std::array<int, 5> descriptors_{};
};

Task<void> connect_past_black_holes(AsioLoop* loop) {
  const auto listener = Listener::listen(*loop, Endpoint{"127.0.0.1", 0}).value();
  const std::uint16_t port = listener->port();
  const BlackHole first("127.0.0.2", port), second("127.0.0.3", port), third("127.0.0.4", port);
  // Nobody listens at the fourth.
  std::vector<Endpoint> addresses{
      {"127.0.0.2", port}, {"127.0.0.3", port}, {"127.0.0.4", port}, {"127.0.0.5", port}, {"127.0.0.1", port}};
  auto attempt = connect_first(*loop, addresses, {});
  auto connected = co_await with_timeout(seconds(30), std::move(attempt));
  EXPECT_TRUE(connected.has_value());
  if (connected) {
    EXPECT_EQ((*connected)->peer(), "127.0.0.1:" + std::to_string(port));
  }

  addresses.pop_back();
  auto hopeless = connect_first(*loop, addresses, {});
  const auto timed_out = co_await with_timeout(seconds(1), std::move(hopeless));
  EXPECT_EQ(timed_out.error().code, Errc::timeout);

  addresses = {{"127.0.0.5", port}, {"127.0.0.6", port}};
  const auto refused = co_await connect_first(*loop, std::move(addresses), {});
  EXPECT_EQ(refused.error().code, Errc::unavailable);
}

TEST(Socket, ConnectsPastAddressesThatNeverAnswer) {
  AsioLoop loop;
  CancelScope scope(loop);
  loop.run(connect_past_black_holes(&loop), scope);
}

}  // namespace
}  // namespace holdfast::io
