// For tests: a server and a client on loopback, in one loop.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>

#include "holdfast/edge/http/client.h"
#include "holdfast/edge/http/server.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/tcp_stream.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http::testing {

/// Repeatable; good for serial numbers and contents only.
class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed = 1) : state_(seed) {}
  void fill(MutableByteView out) override {
    for (std::uint8_t& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::uint8_t>(state_ >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

struct World {
  explicit World(bool with_tls = true) {
    TestRandom random;
    pem = make_self_signed_pem(random, "holdfast test").value();
    if (with_tls) server_tls.emplace(TlsServerContext::create(pem).value());
    client_tls.emplace(TlsClientContext::create().value());
  }

  /// Serves `handler` while `body` runs. The server must end within its own grace.
  void run(Handler handler, std::function<io::Task<void>(World&)> body) {
    Server::Options options;
    options.limits = limits;
    options.tls = server_tls ? &*server_tls : nullptr;
    server = Server::listen(loop, std::move(options), std::move(handler), log).value();
    io::CancelScope scope(loop);
    loop.run(both(*this, std::move(body)), scope);
  }

  ClientOptions client_options() const {
    ClientOptions options;
    options.host = "127.0.0.1";
    options.port = server->port();
    options.pin = identity_of_pem(pem).value().spki;
    return options;
  }
  std::unique_ptr<Client> client() { return Client::create(loop, *client_tls, client_options()); }

  io::AsioLoop loop;
  io::NullLog log;
  ServerLimits limits;
  std::string pem;
  std::optional<TlsServerContext> server_tls;
  std::optional<TlsClientContext> client_tls;
  std::unique_ptr<Server> server;

 private:
  static io::Task<void> both(World& world, std::function<io::Task<void>(World&)> body) {
    io::TaskGroup serving(co_await io::this_scope());
    serving.spawn(world.server->serve());
    co_await body(world);
    serving.cancel();
    co_await serving.join();
  }
};

inline ClientRequest request_for(std::string method, std::string target, Bytes body = {}) {
  ClientRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

struct Reply {
  unsigned status = 0;
  Headers headers;
  Bytes body;
  std::uint64_t sent = 0;
};

/// Sends and reads the whole answer.
inline io::Task<Result<Reply>> ask(Client& client, ClientRequest request) {
  HF_CO_TRY(const std::unique_ptr<ClientResponse> response, co_await client.send(std::move(request)));
  Reply reply;
  reply.status = response->status();
  reply.headers = response->headers();
  reply.sent = response->request_bytes_sent();
  HF_CO_TRY(reply.body, co_await read_all(response->body(), 1 << 30));
  co_return reply;
}

inline Bytes pattern(std::size_t size, std::uint64_t seed = 7) {
  TestRandom random(seed);
  return random.bytes(size);
}

/// A body of known content in pieces of any size.
class PatternSource final : public BodySource {
 public:
  PatternSource(Bytes content, std::size_t piece_bytes) : content_(std::move(content)), piece_bytes_(piece_bytes) {}
  std::uint64_t length() const override { return content_.size(); }
  io::Task<Result<ByteView>> next() override {
    const std::size_t count = std::min(piece_bytes_, content_.size() - at_);
    const ByteView piece = ByteView(content_).subspan(at_, count);
    at_ += count;
    co_return piece;
  }

 private:
  Bytes content_;
  std::size_t piece_bytes_;
  std::size_t at_ = 0;
};

/// Answers 200 with what was sent.
inline io::Task<void> echo(Exchange& exchange) {
  auto body = co_await read_all(exchange.body(), 1 << 30);
  ResponseHead head;
  if (!body) head.status = 400;
  const Bytes content = body ? std::move(*body) : Bytes();
  const auto sent = co_await exchange.respond(std::move(head), content);
  (void)sent;
}

}  // namespace holdfast::http::testing
