#include "holdfast/edge/http/server.h"

#include <algorithm>
#include <map>

#include "holdfast/edge/http/server_connection.h"
#include "holdfast/edge/http/tls_stream.h"
#include "holdfast/edge/io/descriptors.h"
#include "holdfast/edge/io/tcp_stream.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http {
namespace {

constexpr io::Duration kStopMax = std::chrono::seconds(5);            // for requests in progress
constexpr io::Duration kAcceptPause = std::chrono::milliseconds(20);  // after a failed accept
constexpr io::Duration kComplainEvery = std::chrono::minutes(1);      // of those

class TcpServer final : public Server {
 public:
  TcpServer(io::AsioLoop& loop, Options options, Handler handler, io::Log& log, std::unique_ptr<io::Listener> listener)
      : loop_(loop),
        options_(std::move(options)),
        handler_(std::move(handler)),
        log_(log),
        listener_(std::move(listener)),
        port_(listener_->port()) {
    context_.refusal_fields = options_.refusal_fields;
    // What connections took, nobody could open a file with.
    options_.limits.connections_max = std::min(options_.limits.connections_max, io::descriptors_max() / 4 * 3);
  }

  std::uint16_t port() const override { return port_; }
  const ServerCounters& counters() const override { return context_.counters; }

  io::Task<void> serve() override {
    io::TaskGroup connections(loop_);
    for (;;) {
      auto socket = co_await listener_->accept();
      if (!socket && socket.error().code == Errc::cancelled) break;
      if (!socket) {
        complain(socket.error());
        drop_one();
        if (const bool slept = co_await io::sleep_for(kAcceptPause); !slept) break;
        continue;
      }
      ++context_.counters.connections_accepted;
      if (connections.running() >= options_.limits.connections_max && !drop_one()) continue;
      connections.spawn(serve_one(std::move(*socket)));
    }
    listener_.reset();
    context_.stopping = true;
    while (drop_longest_idle()) continue;
    const auto last_call = loop_.at(loop_.now() + kStopMax, [&connections] { connections.cancel(); });
    co_await connections.join();
  }

 private:
  bool drop_longest_idle() {
    if (context_.idle.empty()) return false;
    context_.idle.front()->end_idle();
    return true;
  }

  bool drop_longest_handshake() {
    if (handshakes_.empty()) return false;
    io::CancelScope* const longest = handshakes_.begin()->second;
    handshakes_.erase(handshakes_.begin());
    longest->cancel();
    return true;
  }

  /// A crowd that says nothing goes before those who were served; of a few handshakes each will soon be done.
  bool drop_one() {
    const bool crowd = handshakes_.size() > context_.counters.connections_open / 2;
    return crowd ? drop_longest_handshake() || drop_longest_idle() : drop_longest_idle() || drop_longest_handshake();
  }

  /// For as long as there are no descriptors that is many times a second.
  void complain(const Error& error) {
    ++failed_accepts_;
    if (complained_ && loop_.now() - *complained_ < kComplainEvery) return;
    complained_ = loop_.now();
    log_.warning(error.what + "; connections that could not be taken so far: " + std::to_string(failed_accepts_));
  }

  io::Task<Result<std::unique_ptr<TlsStream>>> shake_hands(std::unique_ptr<io::Socket> socket) {
    io::CancelScope scope(co_await io::this_scope());
    const std::uint64_t place = handshakes_begun_++;
    handshakes_.emplace(place, &scope);
    auto accepting =
        io::with_timeout(options_.limits.handshake_timeout, TlsStream::accept(std::move(socket), *options_.tls));
    auto stream = co_await accepting.in(scope);
    handshakes_.erase(place);
    co_return stream;
  }

  io::Task<void> serve_one(std::unique_ptr<io::Socket> socket) {
    ++context_.counters.connections_open;
    const std::string peer = socket->peer();
    if (options_.tls == nullptr) {
      io::TcpStream stream(std::move(socket));
      ServerConnection connection(stream, context_, peer);
      co_await connection.run();
    } else {
      auto stream = co_await shake_hands(std::move(socket));
      if (stream) {
        ServerConnection connection(**stream, context_, peer);
        co_await connection.run();
      } else {
        ++context_.counters.handshake_failures;
        if (log_.enabled(io::LogLevel::debug)) log_.debug(peer + ": handshake: " + stream.error().what);
      }
    }
    --context_.counters.connections_open;
  }

  io::AsioLoop& loop_;
  Options options_;
  Handler handler_;
  io::Log& log_;
  std::unique_ptr<io::Listener> listener_;
  std::uint16_t port_;
  std::map<std::uint64_t, io::CancelScope*> handshakes_;  // in the order in which they came
  std::uint64_t handshakes_begun_ = 0, failed_accepts_ = 0;
  std::optional<io::Time> complained_;
  ServerContext context_{loop_, options_.limits, handler_, log_};
};

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(io::AsioLoop& loop, Options options, Handler handler, io::Log& log) {
  const io::Endpoint at{options.host, options.port};
  HF_TRY(std::unique_ptr<io::Listener> listener,
         options.listen_fd >= 0 ? io::Listener::adopt(loop, options.listen_fd) : io::Listener::listen(loop, at));
  return std::make_unique<TcpServer>(loop, std::move(options), std::move(handler), log, std::move(listener));
}

}  // namespace holdfast::http
