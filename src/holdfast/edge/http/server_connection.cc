#include "holdfast/edge/http/server_connection.h"

#include <algorithm>
#include <array>

#include "holdfast/edge/http/head_text.h"
#include "holdfast/edge/http/server_exchange.h"
#include "holdfast/edge/http/text.h"

namespace holdfast::http {
namespace {

constexpr io::Duration kLingerMax = std::chrono::seconds(5);
// Enough for the answer to arrive; no more, since it was sent for nothing. Browsers repeat by themselves a request whose connection
// broke: all that is left of a large file, from where its upload no longer is.
constexpr std::uint64_t kLingerBytesMax = 1024 * 1024;
constexpr std::size_t kScratchBytes = 16 * 1024;
constexpr std::size_t kFirstReadBytes = 512;  // all that an idle connection keeps for what comes

}  // namespace

const std::string& ServerContext::date() {
  const std::int64_t second = loop.wall_seconds();
  if (second != date_second_) {
    date_second_ = second;
    date_ = http_date(second);
  }
  return date_;
}

io::Task<void> ServerConnection::run() {
  for (;;) {
    std::optional<ParsedRequest> request = co_await read_request();
    if (!request) break;
    const bool again = co_await answer(std::move(*request));
    if (!again) break;
  }
  stream_.close();
}

io::Task<bool> ServerConnection::wait_for_request() {
  if (!buffer_.empty()) co_return true;
  if (context_.stopping) co_return false;
  buffer_.release();
  stream_.set_idle_limits(context_.limits.idle_keep_alive, context_.limits.write_idle_timeout);
  std::array<std::uint8_t, kFirstReadBytes> first;
  idle_place_ = context_.idle.insert(context_.idle.end(), this);
  const auto count = co_await stream_.read_some(first);
  leave_idle();
  if (!count || *count == 0) co_return false;
  buffer_.push(ByteView(first).first(*count));
  co_return true;
}

void ServerConnection::leave_idle() {
  if (idle_place_) context_.idle.erase(*idle_place_);
  idle_place_.reset();
}

void ServerConnection::end_idle() {
  leave_idle();
  stream_.close();
}

io::Task<std::optional<ParsedRequest>> ServerConnection::read_request() {
  const ServerLimits& limits = context_.limits;
  const HeadLimits head_limits{limits.head_bytes_max, limits.headers_max};
  if (const bool arrived = co_await wait_for_request(); !arrived) co_return std::nullopt;
  const io::Time deadline = context_.loop.now() + limits.head_timeout;
  HeadScanner scanner(head_limits);
  HeadFault fault{408, "the request took too long to arrive"};
  for (;;) {
    auto length = scanner.scan(buffer_.bytes());
    if (length && *length > 0) {
      auto request = parse_request_head(buffer_.bytes().first(*length), head_limits);
      if (request) {
        buffer_.consume(*length);
        co_return std::move(*request);
      }
      fault = std::move(request).error();
      break;
    }
    if (!length) {
      fault = std::move(length).error();
      break;
    }
    // Each read gets what is left of the time for the whole head.
    const io::Duration left = std::max(deadline - context_.loop.now(), io::Duration(1));
    stream_.set_idle_limits(left, limits.write_idle_timeout);
    const auto count = co_await buffer_.fill(stream_);
    if (!count && count.error().code == Errc::timeout) {
      ++context_.counters.timeouts;
      break;
    }
    if (!count || *count == 0) co_return std::nullopt;
    if (context_.loop.now() >= deadline) break;
  }
  co_await refuse(std::move(fault));
  co_return std::nullopt;
}

io::Task<void> ServerConnection::refuse(HeadFault fault) {
  ++context_.counters.refused_heads;
  if (context_.log.enabled(io::LogLevel::debug)) context_.log.debug(peer_ + ": refused: " + fault.what);
  const std::string body = fault.what + "\n";
  std::string head = status_line(fault.status);
  append_field(head, "Content-Type", "text/plain; charset=utf-8");
  append_field(head, "Content-Length", std::to_string(body.size()));
  // What was read of the head is still in the buffer.
  if (const std::string origin = origin_of(buffer_.bytes()); !origin.empty() && context_.refusal_fields) {
    Headers fields;
    context_.refusal_fields(origin, fields);
    append_fields(head, fields);
  }
  append_field(head, "Date", context_.date());
  append_field(head, "Connection", "close");
  head += "\r\n";
  const std::array<ByteView, 2> parts{view_of(head), view_of(body)};
  const auto sent = co_await stream_.write_all(parts);
  if (sent) {
    co_await linger();
  }
}

io::Task<bool> ServerConnection::answer(ParsedRequest request) {
  ++context_.counters.requests;
  MessageBody body = request.head.chunked
                         ? MessageBody::chunked(buffer_, stream_)
                         : MessageBody::of_length(buffer_, stream_, request.head.content_length.value_or(0));
  ServerExchange exchange(stream_, context_, std::move(request), std::move(body), peer_);
  co_await context_.handler(exchange);
  if (exchange.broken()) co_return false;
  if (!exchange.begun()) {
    if (exchange.request_body().failed()) co_return false;
    context_.log.error("a request was left without an answer");
    ResponseHead failure;
    failure.status = 500;
    const auto sent = co_await exchange.respond(std::move(failure), {});
    if (!sent) co_return false;
  }
  if (!exchange.finished()) {
    context_.log.error("an answer was left unfinished");
    co_return false;
  }
  if (exchange.keeps_connection()) {
    const bool drained = co_await exchange.request_body().drain();
    if (drained) co_return true;
  }
  if (!exchange.request_body().done() || !buffer_.empty()) {
    co_await linger();
  } else {
    stream_.finish_writing();
  }
  co_return false;
}

io::Task<void> ServerConnection::linger() {
  stream_.finish_writing();
  const io::Time deadline = context_.loop.now() + kLingerMax;
  Bytes scratch(kScratchBytes);
  std::uint64_t dropped = 0;
  while (dropped < kLingerBytesMax) {
    const io::Duration left = deadline - context_.loop.now();
    if (left <= io::Duration::zero()) co_return;
    stream_.set_idle_limits(left, left);
    const auto count = co_await stream_.read_some(scratch);
    if (!count || *count == 0) co_return;
    dropped += *count;
  }
}

}  // namespace holdfast::http
