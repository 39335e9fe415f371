#include "holdfast/node/grid/http_peer.h"

#include <algorithm>

#include "holdfast/core/base/printable.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/grid/answer_limit.h"

namespace holdfast::grid {
namespace {

constexpr std::size_t kErrorBytesMax = 10'000;
constexpr std::uint64_t kSlowestBytesASecond = 4'096;  // of an answer that is no share data
constexpr io::Duration kSlowestAnswer = std::chrono::minutes(10);

/// An answer whose bytes drip is no answer: each of them is in time, and all that wait for it stand still. Where a rate limit
/// holds it up here (`paced`) the time is only looked at between two pieces.
class InTime final : public http::BodyReader {
 public:
  InTime(io::Loop& loop, io::Duration silence, bool paced, http::BodyReader& body)
      : loop_(loop), silence_(silence), paced_(paced), body_(body), begun_(loop.now()) {}

  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const http::Headers& trailers() const override { return body_.trailers(); }

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override {
    const bool whole = length() && came_ >= *length();
    const io::Duration limit = answer_limit(silence_, came_, kSlowestBytesASecond, kSlowestAnswer);
    const io::Duration left = begun_ + limit - loop_.now();
    if (!whole && left <= io::Duration::zero()) co_return fail(Errc::timeout, "the answer comes too slowly");
    auto reading = body_.read_some(out);
    if (!whole && !paced_) reading = io::with_timeout(left, std::move(reading));
    HF_CO_TRY(const std::size_t count, co_await std::move(reading));
    came_ += count;
    co_return count;
  }

 private:
  io::Loop& loop_;
  const io::Duration silence_;
  const bool paced_;
  http::BodyReader& body_;
  const io::Time begun_;
  std::uint64_t came_ = 0;
};

Errc code_of(unsigned status) {
  switch (status) {
    case 401:
      return Errc::unauthorized;
    case 404:
    case 410:
      return Errc::not_found;
    case 405:
    case 413:
      return Errc::unsupported;
    case 409:
    case 423:
      return Errc::conflict;
    case 422:
      return Errc::corrupt;
    case 507:
      return Errc::no_space;
    default:
      return status >= 500 || status == 408 || status == 429 ? Errc::unavailable : Errc::malformed;
  }
}

Error status_error(unsigned status, const std::string& name, std::string text) {
  if (status == 413)
    return {code_of(status), name + ", or a proxy on the way to it, takes no bodies of that size (413)"};
  text.resize(std::min<std::size_t>(text.size(), 200));
  text = printable(std::move(text));
  return {code_of(status), name + " answered " + std::to_string(status) + (text.empty() ? "" : ": " + text)};
}

bool is_page(http::ClientResponse& response) {
  const auto type = response.headers().find("Content-Type");
  return type && type->starts_with("text/html");
}

}  // namespace

HttpPeer::HttpPeer(io::AsioLoop& loop, const http::TlsClientContext& tls, const protocol::Nurl& nurl, std::string name,
                   const HttpServerOptions& options)
    : name_(std::move(name)),
      authorization_(protocol::authorization_value(nurl.swissnum)),
      loop_(loop),
      silence_(options.silence),
      receive_limit_(options.receive_limit) {
  http::ClientOptions client;
  client.host = nurl.host;
  client.port = nurl.port;
  client.pin = nurl.spki;
  client.connect_timeout = options.silence;
  client.idle_timeout = options.silence;
  client.send_limit = options.send_limit;
  client.receive_limit = options.receive_limit;
  client_ = http::Client::create(loop, tls, std::move(client));
}

Traffic HttpPeer::traffic() const {
  const http::ClientCounters& counters = client_->counters();
  return Traffic{counters.body_bytes_sent, counters.body_bytes_received,
                 counters.requests,        counters.connections,
                 counters.broken,          receive_limit_ != nullptr && receive_limit_->holds_back()};
}

http::ClientRequest HttpPeer::request(std::string method, std::string path) const {
  http::ClientRequest out;
  out.method = std::move(method);
  out.target = std::move(path);
  out.headers.add("Authorization", authorization_);
  out.headers.add("Accept", "application/cbor");
  out.answer_timeout = silence_;
  return out;
}

void HttpPeer::add_secret(http::ClientRequest& out, std::string_view kind, const Secret& secret) {
  out.headers.add("X-Tahoe-Authorization", protocol::format_secret_field(kind, secret.reveal()));
}

io::Task<Result<std::unique_ptr<http::ClientResponse>>> HttpPeer::send(http::ClientRequest out) {
  auto response = co_await client_->send(std::move(out));
  if (!response) co_return fail_in(name_, response.error());
  co_return response;
}

io::Task<Error> HttpPeer::error_of(http::ClientResponse& response) {
  const unsigned status = response.status();
  const bool page = is_page(response);
  InTime in_time(loop_, silence_, receive_limit_ != nullptr, response.body());
  Result<Bytes> body = co_await http::read_all(in_time, kErrorBytesMax);
  Error error = status_error(status, name_, body && !page ? std::string(text_of(*body)) : std::string());
  // Real servers have pages for what they refuse, and never for anything else.
  if (page && (status < 400 || status == 511)) {
    error.what = "a web page (" + std::to_string(status) + ") came instead of an answer of " + name_ +
                 ": a captive portal or a proxy is on the way; sign in there, or use another network";
  }
  co_return error;
}

io::Task<Result<HttpAnswer>> HttpPeer::read(http::ClientResponse& response, std::size_t bytes_max) {
  if (response.status() < 200 || response.status() > 299 || is_page(response)) {
    co_return tl::make_unexpected(co_await error_of(response));
  }
  HttpAnswer answer{response.status(), response.headers(), {}};
  InTime in_time(loop_, silence_, receive_limit_ != nullptr, response.body());
  Result<Bytes> body = co_await http::read_all(in_time, bytes_max);
  if (!body) co_return fail_in(name_, body.error());
  answer.body = std::move(*body);
  co_return answer;
}

io::Task<Result<HttpAnswer>> HttpPeer::ask(http::ClientRequest out, std::size_t bytes_max) {
  HF_CO_TRY(const auto response, co_await send(std::move(out)));
  co_return co_await read(*response, bytes_max);
}

}  // namespace holdfast::grid
