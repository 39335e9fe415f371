#include "holdfast/node/gateway/access.h"

#include <gtest/gtest.h>

#include "holdfast/edge/http/pipe_test_kit.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::gateway {
namespace {

using std::chrono::seconds;

io::Task<void> serve(http::ServerContext* context, io::ByteStream* stream) {
  http::ServerConnection connection(*stream, *context, "pipe");
  co_await connection.run();
}

/// A byte every four seconds: no two are far from each other.
io::Task<void> drip(io::ByteStream* stream, std::string head, std::size_t bytes) {
  std::array<ByteView, 1> parts{view_of(head)};
  Result<void> sent = co_await stream->write_all(parts);
  for (std::size_t i = 0; i < bytes && sent; ++i) {
    static_cast<void>(co_await io::sleep_for(seconds(4)));
    parts[0] = view_of("a");
    sent = co_await stream->write_all(parts);
  }
}

io::Task<void> listen(io::ByteStream* stream, std::string* heard, io::Time* at) {
  Bytes buffer(4096);
  const Result<std::size_t> count = co_await stream->read_some(buffer);
  *at = (co_await io::this_scope()).loop().now();
  if (count) *heard = text_of(ByteView(buffer).first(*count));
  stream->close();
}

io::Task<void> all(http::ServerContext* context, io::ByteStream* server, io::ByteStream* client, std::string* heard,
                   io::Time* at) {
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(serve(context, server));
  group.spawn(drip(client, "POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 8000\r\n\r\n", 8000));
  group.spawn(listen(client, heard, at));
  co_await group.join();
}

TEST(AccessGate, WaitsForAFormNoLongerThanAPersonsBrowserTakes) {
  io::SimulatedLoop loop;
  io::NullLog log;
  const AccessGate gate(Secret(view_of("token")), false);
  const http::Handler handler = [&gate](http::Exchange& exchange) { return gate.sign_in(exchange); };
  const http::ServerLimits limits;
  http::ServerContext context(loop, limits, handler, log);
  auto [server, client] = io::make_memory_pipe(loop);
  io::CancelScope scope(loop);
  const io::Time begin = loop.now();
  io::Time at;
  std::string heard;
  EXPECT_TRUE(loop.run(all(&context, server.get(), client.get(), &heard, &at), scope));
  EXPECT_TRUE(heard.starts_with("HTTP/1.1 408")) << heard;
  EXPECT_LE(at - begin, seconds(11));
}

}  // namespace
}  // namespace holdfast::gateway
