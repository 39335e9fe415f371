// A stream between two ends on loopback, where what OpenSSL does by itself can be seen.
#include "holdfast/edge/http/tls_stream.h"

#include <openssl/ssl.h>
#include <sys/ioctl.h>

#include "holdfast/edge/http/http_test_kit.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::http::testing {
namespace {

/// Waits until the system holds bytes for the socket, or its end.
io::Task<void> something_to_read(int descriptor) {
  for (bool on = true; on;) {
    char byte;
    if (::recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) break;
    on = co_await io::sleep_for(std::chrono::milliseconds(1));
  }
}

io::Task<void> accept_one(io::Listener* listener, const TlsServerContext* context, std::unique_ptr<TlsStream>* out) {
  auto socket = co_await listener->accept();
  auto stream = co_await TlsStream::accept(std::move(*socket), *context);
  if (stream) *out = std::move(*stream);
}

io::Task<void> look_at_a_kept_connection(io::AsioLoop* loop) {
  TestRandom random;
  const std::string pem = make_self_signed_pem(random, "holdfast test").value();
  auto server_context = TlsServerContext::create(pem).value();
  SSL_CTX_clear_options(server_context.native(), SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(server_context.native(), 2);  // as servers do that nobody told otherwise
  const auto client_context = TlsClientContext::create().value();
  const auto listener = io::Listener::listen(*loop, io::Endpoint{"127.0.0.1", 0}).value();

  std::unique_ptr<TlsStream> server;
  io::TaskGroup accepting(co_await io::this_scope());
  accepting.spawn(accept_one(listener.get(), &server_context, &server));
  io::Endpoint to{"127.0.0.1", listener->port()};
  auto socket = co_await io::connect_socket(*loop, std::move(to), {});
  const int descriptor = (*socket)->descriptor();
  auto client = co_await TlsStream::connect(std::move(*socket), client_context, identity_of_pem(pem)->spki);
  co_await accepting.join();
  EXPECT_TRUE(client && server != nullptr);
  if (!client || server == nullptr) co_return;

  co_await something_to_read(descriptor);
  EXPECT_TRUE((*client)->quiet()) << "tickets are nothing that anybody asked for";

  const Bytes byte(1, 7);
  const std::array<ByteView, 1> parts{byte};
  const auto written = co_await server->write_all(parts);
  EXPECT_TRUE(written);
  co_await something_to_read(descriptor);
  EXPECT_FALSE((*client)->quiet()) << "an answer to no question";
  Bytes out(10);
  const auto count = co_await (*client)->read_some(out);
  EXPECT_EQ(count.value_or(0), 1U) << "looking takes nothing away";
  EXPECT_EQ(out[0], 7);
  EXPECT_TRUE((*client)->quiet());

  server->finish_writing();
  co_await something_to_read(descriptor);
  EXPECT_FALSE((*client)->quiet()) << "its peer has closed it";
}

TEST(TlsStream, IsQuietUntilThereIsSomethingForTheApplication) {
  io::AsioLoop loop;
  io::CancelScope scope(loop);
  loop.run(look_at_a_kept_connection(&loop), scope);
}

}  // namespace
}  // namespace holdfast::http::testing
