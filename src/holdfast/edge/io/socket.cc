#include "holdfast/edge/io/socket.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <optional>
#include <vector>

#include "holdfast/edge/io/pending.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::io {
namespace asio = boost::asio;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {

constexpr Duration kNextAddressAfter = std::chrono::milliseconds(250);  // RFC 8305, section 8

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  const std::string port = std::to_string(endpoint.port());
  return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

std::string to_text(const Endpoint& endpoint) {
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace

class Socket::Implementation {
 public:
  Implementation(AsioLoop& loop, tcp::socket socket) : loop_(loop), socket_(std::move(socket)) {
    ErrorCode ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
    const tcp::endpoint peer = socket_.remote_endpoint(ignored);
    if (!ignored) peer_ = to_text(peer);
  }

  Task<Result<void>> wait(tcp::socket::wait_type type, Duration limit) {
    Waiter waiter;
    waiter.limit = limit;
    if (limit < kNoLimit) waiter.deadline = loop_.now() + limit;
    if (limit < kNoLimit && type == tcp::socket::wait_write) waiter.unacknowledged = unacknowledged();
    waiters_.push_back(&waiter);
    arm(waiter.next_look(loop_.now()));
    for (;;) {
      if (!socket_.is_open()) break;
      // Cancelling ends all waits of the socket; those that were not meant begin again.
      Pending<ErrorCode> ready([this, &waiter] {
        waiter.stop = Stop::cancelled;
        cancel();
      });
      socket_.async_wait(type, [&ready](const ErrorCode& error) { ready.complete(error); });
      const ErrorCode error = co_await ready;
      if (waiter.stop != Stop::no || error != asio::error::operation_aborted) break;
    }
    std::erase(waiters_, &waiter);
    if (waiter.stop == Stop::cancelled) co_return fail(Errc::cancelled, "stopped");
    if (waiter.stop == Stop::timeout) co_return fail(Errc::timeout, "the peer is silent");
    if (!socket_.is_open()) co_return fail(Errc::unavailable, "the connection was closed");
    co_return Result<void>{};
  }

  void close() {
    timer_.reset();
    ErrorCode ignored;
    socket_.close(ignored);
  }

  std::size_t unacknowledged() {
    int bytes = 0;
    if (!socket_.is_open() || ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) != 0) return 0;
    return static_cast<std::size_t>(std::max(bytes, 0));
  }

  AsioLoop& loop_;
  tcp::socket socket_;
  std::string peer_;
  Duration read_limit_ = kNoLimit, write_limit_ = kNoLimit;

 private:
  enum class Stop { no, timeout, cancelled };
  struct Waiter {
    Time deadline = Time::max();
    Stop stop = Stop::no;
    Duration limit = kNoLimit;
    std::size_t unacknowledged = 0;  // by a writer's peer, when it was looked at last; 0 of a reader

    /// The system says that a socket is writable when a good part of its buffer is free again. On a slow line that takes longer than
    /// anybody's patience, though bytes move all the while.
    bool moves(std::size_t now) { return unacknowledged > 0 && now < std::exchange(unacknowledged, now); }
    Time next_look(Time now) const { return unacknowledged > 0 ? std::min(deadline, now + limit / 8) : deadline; }
  };

  void cancel() {
    ErrorCode ignored;
    if (socket_.is_open()) socket_.cancel(ignored);
  }

  void arm(Time deadline) {
    if (deadline == Time::max() || (timer_ != nullptr && armed_for_ <= deadline)) return;
    armed_for_ = deadline;
    timer_ = loop_.at(deadline, [this] { look_at_deadlines(); });
  }

  void look_at_deadlines() {
    timer_.reset();
    const Time now = loop_.now();
    Time next = Time::max();
    bool expired = false;
    for (Waiter* waiter : waiters_) {
      if (waiter->stop != Stop::no) continue;
      if (waiter->moves(unacknowledged())) waiter->deadline = now + waiter->limit;
      if (waiter->deadline <= now) {
        waiter->stop = Stop::timeout;
        expired = true;
      } else {
        next = std::min(next, waiter->next_look(now));
      }
    }
    if (expired) cancel();
    arm(next);
  }

  std::vector<Waiter*> waiters_;
  std::unique_ptr<Loop::Timer> timer_;
  Time armed_for_{};
};

Socket::Socket(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
Socket::~Socket() = default;

int Socket::descriptor() const {
  return implementation_->socket_.is_open() ? implementation_->socket_.native_handle() : -1;
}
Loop& Socket::loop() const {
  return implementation_->loop_;
}
Task<Result<void>> Socket::readable() {
  return implementation_->wait(tcp::socket::wait_read, implementation_->read_limit_);
}
Task<Result<void>> Socket::writable() {
  return implementation_->wait(tcp::socket::wait_write, implementation_->write_limit_);
}
Task<void> Socket::yield() {
  Pending<bool> turn;
  loop().post([&turn] { turn.complete(true); });
  co_await turn;
}
void Socket::set_idle_limits(Duration read, Duration write) {
  implementation_->read_limit_ = read;
  implementation_->write_limit_ = write;
}
void Socket::shutdown_write() {
  ErrorCode ignored;
  implementation_->socket_.shutdown(tcp::socket::shutdown_send, ignored);
}
void Socket::close() {
  implementation_->close();
}
bool Socket::quiet() const {
  const int fd = descriptor();
  if (fd < 0) return false;
  char byte;
  return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}
bool Socket::peer_finished() const {
  const int fd = descriptor();
  if (fd < 0) return true;
  char byte;
  const ssize_t count = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}
std::size_t Socket::unacknowledged() const {
  return implementation_->unacknowledged();
}
std::string Socket::peer() const {
  return implementation_->peer_;
}

namespace {

std::optional<tcp::endpoint> as_address(const Endpoint& endpoint) {
  ErrorCode not_an_address;
  const asio::ip::address address = asio::ip::make_address(endpoint.host, not_an_address);
  if (not_an_address) return std::nullopt;
  return tcp::endpoint(address, endpoint.port);
}

/// getaddrinfo runs on a thread of Asio's and cannot be interrupted: a cancelled wait leaves it behind.
Task<Result<std::vector<tcp::endpoint>>> resolve(AsioLoop& loop, const Endpoint& to) {
  if (const auto known = as_address(to)) co_return std::vector<tcp::endpoint>{*known};
  struct State {
    tcp::resolver resolver;
    Pending<ErrorCode>* waiter;
    std::vector<tcp::endpoint> found;
  };
  const auto state = std::make_shared<State>(State{tcp::resolver(loop.context()), nullptr, {}});
  const auto finish = [](State& s, const ErrorCode& error) {
    if (s.waiter != nullptr) std::exchange(s.waiter, nullptr)->complete(error);
  };
  Pending<ErrorCode> done([&loop, state, finish] {
    state->resolver.cancel();  // one thread looks all names up: those that nobody waits for must not stand in the way
    loop.post([state, finish] { finish(*state, asio::error::operation_aborted); });
  });
  state->waiter = &done;
  state->resolver.async_resolve(to.host, std::to_string(to.port),
                                [state, finish](const ErrorCode& error, const tcp::resolver::results_type& results) {
                                  for (const auto& result : results) state->found.push_back(result.endpoint());
                                  finish(*state, error);
                                });
  const ErrorCode error = co_await done;
  if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "stopped");
  if (error || state->found.empty()) {
    co_return fail(Errc::unavailable, "cannot find the address of " + to.host + ": " + error.message());
  }
  co_return std::move(state->found);
}

Task<Result<std::unique_ptr<Socket>>> connect_one(AsioLoop& loop, tcp::endpoint to, KernelBuffers buffers) {
  tcp::socket socket(loop.context());
  ErrorCode error;
  socket.open(to.protocol(), error);
  if (error) co_return fail(Errc::unavailable, "cannot make a socket: " + error.message());
  const auto bound = [&socket](int level, int name, int bytes) {
    if (bytes > 0) ::setsockopt(socket.native_handle(), level, name, &bytes, sizeof bytes);
  };
  bound(IPPROTO_TCP, TCP_NOTSENT_LOWAT, buffers.unsent_bytes_max);
  bound(SOL_SOCKET, SO_RCVBUF, buffers.unread_bytes_max);  // before the window is offered
  Pending<ErrorCode> done([&socket] {
    ErrorCode ignored;
    socket.cancel(ignored);
  });
  socket.async_connect(to, [&done](const ErrorCode& result) { done.complete(result); });
  error = co_await done;
  if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "stopped");
  if (error) co_return fail(Errc::unavailable, "cannot connect to " + to_text(to) + ": " + error.message());
  co_return std::make_unique<Socket>(std::make_unique<Socket::Implementation>(loop, std::move(socket)));
}

/// What the attempts at several addresses share.
struct Race {
  Event news;  // an attempt has ended
  std::unique_ptr<Socket> winner;
  Error last_failure{};
};

Task<void> attempt(AsioLoop& loop, tcp::endpoint to, KernelBuffers buffers, Race& race) {
  auto connected = co_await connect_one(loop, to, buffers);
  if (!connected) {
    race.last_failure = std::move(connected).error();
  } else if (race.winner == nullptr) {
    race.winner = std::move(*connected);
  }
  race.news.notify_all();
}

Task<Result<std::unique_ptr<Socket>>> connect_first(AsioLoop& loop, const std::vector<tcp::endpoint>& to,
                                                    KernelBuffers buffers) {
  if (to.size() == 1) co_return co_await connect_one(loop, to.front(), buffers);
  Race race{Event(loop), nullptr, {}};
  TaskGroup attempts(co_await this_scope());
  for (auto next = to.begin(); race.winner == nullptr && (next != to.end() || attempts.running() > 0);) {
    if (next != to.end()) attempts.spawn(attempt(loop, *next++, buffers, race));
    if (attempts.running() == 0) continue;
    auto news = race.news.told();
    if (next != to.end()) news = with_timeout(kNextAddressAfter, std::move(news));
    const Result<void> told = co_await std::move(news);
    if (!told && told.error().code == Errc::cancelled) break;
  }
  attempts.cancel();
  co_await attempts.join();
  if (race.winner != nullptr) co_return std::move(race.winner);
  co_return tl::make_unexpected(std::move(race.last_failure));
}

}  // namespace

Task<Result<std::unique_ptr<Socket>>> connect_socket(AsioLoop& loop, Endpoint to, KernelBuffers buffers) {
  HF_CO_TRY(const std::vector<tcp::endpoint> found, co_await resolve(loop, to));
  co_return co_await connect_first(loop, found, buffers);
}

Task<Result<std::unique_ptr<Socket>>> connect_first(AsioLoop& loop, std::vector<Endpoint> addresses,
                                                    KernelBuffers buffers) {
  std::vector<tcp::endpoint> known;
  for (const Endpoint& endpoint : addresses) {
    const auto address = as_address(endpoint);
    if (!address) co_return fail(Errc::malformed, endpoint.host + " is no address");
    known.push_back(*address);
  }
  co_return co_await connect_first(loop, known, buffers);
}

namespace {

class AsioListener final : public Listener {
 public:
  AsioListener(AsioLoop& loop, tcp::acceptor acceptor) : loop_(loop), acceptor_(std::move(acceptor)) {}

  std::uint16_t port() const override {
    ErrorCode ignored;
    return acceptor_.local_endpoint(ignored).port();
  }

  Task<Result<std::unique_ptr<Socket>>> accept() override {
    tcp::socket socket(loop_.context());
    Pending<ErrorCode> done([this] {
      ErrorCode ignored;
      acceptor_.cancel(ignored);
    });
    acceptor_.async_accept(socket, [&done](const ErrorCode& result) { done.complete(result); });
    const ErrorCode error = co_await done;
    if (error == asio::error::operation_aborted) co_return fail(Errc::cancelled, "stopped");
    const int number = error.value();
    if (number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM) {
      co_return fail(Errc::no_space, "cannot accept a connection: " + error.message());
    }
    if (error) co_return fail(Errc::unavailable, "cannot accept a connection: " + error.message());
    co_return std::make_unique<Socket>(std::make_unique<Socket::Implementation>(loop_, std::move(socket)));
  }

 private:
  AsioLoop& loop_;
  tcp::acceptor acceptor_;
};

tl::unexpected<Error> cannot_listen(const std::string& where, const ErrorCode& error) {
  const Errc code = error.value() == EADDRINUSE ? Errc::conflict
                    : error.value() == EACCES   ? Errc::not_permitted
                                                : Errc::unavailable;
  return fail(code, "cannot listen on " + where + ": " + error.message());
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::listen(AsioLoop& loop, const Endpoint& at) {
  ErrorCode error;
  tcp::endpoint endpoint;
  const auto literal = asio::ip::make_address(at.host, error);
  if (!error) {
    endpoint = tcp::endpoint(literal, at.port);
  } else {
    const auto found = tcp::resolver(loop.context()).resolve(at.host, std::to_string(at.port), error);
    if (error || found.empty()) return cannot_listen(to_text(at), error);
    endpoint = found.begin()->endpoint();
  }
  tcp::acceptor acceptor(loop.context());
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(to_text(at), error);
  return std::make_unique<AsioListener>(loop, std::move(acceptor));
}

Result<std::unique_ptr<Listener>> Listener::adopt(AsioLoop& loop, int descriptor) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  const std::string name = "descriptor " + std::to_string(descriptor);
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return cannot_listen(name, ErrorCode(errno, boost::system::system_category()));
  }
  tcp::acceptor acceptor(loop.context());
  ErrorCode error;
  acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return cannot_listen(name, error);
  return std::make_unique<AsioListener>(loop, std::move(acceptor));
}

}  // namespace holdfast::io
