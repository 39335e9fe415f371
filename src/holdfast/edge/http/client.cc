#include "holdfast/edge/http/client.h"

#include <algorithm>
#include <vector>

#include "holdfast/edge/http/client_connection.h"
#include "holdfast/edge/http/tls_stream.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kPacedReadBytesMax = 8 * 1024;

class PooledClient final : public Client {
 public:
  PooledClient(io::AsioLoop& loop, const TlsClientContext& tls, ClientOptions options)
      : loop_(loop), tls_(tls), options_(std::move(options)), slots_(loop, options_.connections_max) {
    HF_CHECK(options_.connections_max > 0);
  }

  io::Task<Result<std::unique_ptr<ClientResponse>>> send(ClientRequest request) override;
  io::Task<void> make_ready(std::size_t connections) override;
  std::optional<CertificateIdentity> peer() const override { return peer_; }
  const ClientCounters& counters() const override { return counters_; }
  void drop_idle() override { idle_.clear(); }

  ClientCounters& mutable_counters() { return counters_; }
  const ClientOptions& options() const { return options_; }
  void release_slot() { slots_.release(); }
  void keep(std::unique_ptr<ClientConnection> connection) {
    if (idle_.size() < options_.idle_connections_max) idle_.push_back(std::move(connection));
  }

 private:
  using Answer = Result<std::unique_ptr<ClientResponse>>;
  io::Task<Result<std::unique_ptr<ClientConnection>>> connect();
  io::Task<Result<std::unique_ptr<TlsStream>>> connect_stream();
  std::unique_ptr<ClientConnection> take_idle();
  io::Task<Answer> send_in_slot(ClientRequest& request);
  io::Task<void> connect_idle();

  io::AsioLoop& loop_;
  const TlsClientContext& tls_;
  const ClientOptions options_;
  io::Semaphore slots_;
  std::vector<std::unique_ptr<ClientConnection>> idle_;
  std::optional<CertificateIdentity> peer_;
  ClientCounters counters_;
};

/// Holds the connection and its slot until the body has been read to its end.
class PooledResponse final : public ClientResponse, private BodyReader {
 public:
  PooledResponse(PooledClient& client, std::unique_ptr<ClientConnection> connection, ParsedResponse head,
                 bool to_head_request)
      : client_(client),
        connection_(std::move(connection)),
        head_(std::move(head)),
        body_(connection_->body_of(head_, to_head_request)),
        sent_(connection_->request_bytes_sent()) {
    if (body_.done()) give_back();
  }
  ~PooledResponse() override {
    if (connection_ == nullptr) return;
    connection_.reset();
    client_.release_slot();
  }

  unsigned status() const override { return head_.status; }
  const Headers& headers() const override { return head_.headers; }
  BodyReader& body() override { return *this; }
  std::uint64_t request_bytes_sent() const override { return sent_; }

 private:
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const Headers& trailers() const override { return body_.trailers(); }

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override {
    if (connection_ == nullptr) co_return std::size_t{0};
    RateLimiter* limit = client_.options().receive_limit;
    if (limit != nullptr) out = out.first(std::min(out.size(), kPacedReadBytesMax));
    auto count = co_await body_.read_some(out);
    if (!count) {
      if (count.error().code != Errc::cancelled) ++client_.mutable_counters().broken;
      if (count.error().code == Errc::timeout) client_.drop_idle();
      co_return count;
    }
    client_.mutable_counters().body_bytes_received += *count;
    if (body_.done()) give_back();
    if (limit != nullptr && *count > 0) {
      if (const bool may = co_await limit->take(*count); !may) co_return fail(Errc::cancelled, "stopped");
    }
    co_return count;
  }

  void give_back() {
    if (connection_->reusable()) client_.keep(std::move(connection_));
    connection_.reset();
    client_.release_slot();
  }

  PooledClient& client_;
  std::unique_ptr<ClientConnection> connection_;
  ParsedResponse head_;
  MessageBody body_;
  std::uint64_t sent_;
};

/// What has come went over the line, read or not: without this, whole files would in spite of a low limit. A quarter of a
/// second's worth, so that a few connections keep to the rate on a line with a long way as well. Nobody may ask for more than
/// kMost by default; then it is left to the kernel, which gives those little who read slowly.
int unread_bytes_max(const RateLimiter& limit) {
  constexpr std::uint64_t kLeast = 16'384, kMost = 212'992;  // net.core.rmem_max
  const std::uint64_t bytes = std::max(limit.bytes_per_second() / 4, kLeast);
  return bytes > kMost ? 0 : static_cast<int>(bytes);
}

bool is_read_only(const ClientRequest& request) {
  return request.method == "GET" || request.method == "HEAD";
}
bool has_body(const ClientRequest& request) {
  return request.source != nullptr || !request.body.empty();
}

}  // namespace

io::Task<Result<std::unique_ptr<TlsStream>>> PooledClient::connect_stream() {
  io::Endpoint to{options_.host, options_.port};
  io::KernelBuffers buffers{options_.unsent_bytes_max};
  if (options_.receive_limit != nullptr) buffers.unread_bytes_max = unread_bytes_max(*options_.receive_limit);
  HF_CO_TRY(std::unique_ptr<io::Socket> socket, co_await io::connect_socket(loop_, std::move(to), buffers));
  co_return co_await TlsStream::connect(std::move(socket), tls_, options_.pin);
}

io::Task<Result<std::unique_ptr<ClientConnection>>> PooledClient::connect() {
  HF_CO_TRY(std::unique_ptr<TlsStream> stream, co_await io::with_timeout(options_.connect_timeout, connect_stream()));
  peer_ = stream->peer_identity();
  ++counters_.connections;
  co_return std::make_unique<ClientConnection>(std::move(stream), loop_, options_, counters_);
}

std::unique_ptr<ClientConnection> PooledClient::take_idle() {
  while (!idle_.empty()) {
    // The one used last is the most likely to be alive still.
    std::unique_ptr<ClientConnection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->quiet()) return connection;
  }
  return nullptr;
}

io::Task<PooledClient::Answer> PooledClient::send_in_slot(ClientRequest& request) {
  for (bool fresh = false;; fresh = true) {
    std::unique_ptr<ClientConnection> connection = fresh ? nullptr : take_idle();
    const bool kept = connection != nullptr;
    if (!kept) {
      HF_CO_TRY(connection, co_await connect());
    }
    ++counters_.requests;
    auto head = co_await connection->exchange(request);
    if (head) {
      const bool to_head_request = request.method == "HEAD";
      co_return std::make_unique<PooledResponse>(*this, std::move(connection), std::move(*head), to_head_request);
    }
    if (head.error().code != Errc::cancelled) ++counters_.broken;
    if (head.error().code == Errc::timeout) idle_.clear();  // after a change of address the kept ones are as deaf
    const bool stale = kept && head.error().code == Errc::unavailable && connection->heard_nothing();
    if (!stale || (has_body(request) && !is_read_only(request))) co_return tl::make_unexpected(std::move(head).error());
    // The server closed it in the same moment; the others have gone the same way.
    idle_.clear();
  }
}

io::Task<PooledClient::Answer> PooledClient::send(ClientRequest request) {
  if (const bool acquired = co_await slots_.acquire(); !acquired) co_return fail(Errc::cancelled, "stopped");
  auto answer = co_await send_in_slot(request);
  if (!answer) {
    slots_.release();
    co_return fail_in(options_.host + ":" + std::to_string(options_.port), std::move(answer).error());
  }
  co_return answer;
}

io::Task<void> PooledClient::connect_idle() {
  if (const bool acquired = co_await slots_.acquire(); !acquired) co_return;
  auto connection = co_await connect();
  if (connection) keep(std::move(*connection));
  slots_.release();
}

io::Task<void> PooledClient::make_ready(std::size_t connections) {
  io::TaskGroup group(co_await io::this_scope());
  for (std::size_t i = 0; i < connections; ++i) group.spawn(connect_idle());
  co_await group.join();
}

std::unique_ptr<Client> Client::create(io::AsioLoop& loop, const TlsClientContext& tls, ClientOptions options) {
  return std::make_unique<PooledClient>(loop, tls, std::move(options));
}

}  // namespace holdfast::http
