// What the system tells of a real connection on loopback.
#include "holdfast/edge/io/socket.h"

#include <gtest/gtest.h>

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

Task<void> watch_a_writer(AsioLoop* loop) {
  const auto listener = Listener::listen(*loop, Endpoint{"127.0.0.1", 0}).value();
  Endpoint to{"127.0.0.1", listener->port()};
  auto connected = co_await connect_socket(*loop, std::move(to), 0);
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

}  // namespace
}  // namespace holdfast::io
