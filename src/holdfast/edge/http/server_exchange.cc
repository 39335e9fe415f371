#include "holdfast/edge/http/server_exchange.h"

#include <array>

#include "holdfast/edge/http/head_text.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http {
namespace {

constexpr io::Duration kDrainMax = std::chrono::seconds(5);  // as long as a goodbye takes

}  // namespace

io::Task<Result<std::size_t>> RequestBody::read_some(MutableByteView out) {
  stream_.set_idle_limits(context_.limits.body_idle_timeout, context_.limits.write_idle_timeout);
  if (std::exchange(owes_continue_, false) && !answer_begun_ && !body_.done()) {
    const std::array<ByteView, 1> go_on{view_of("HTTP/1.1 100 Continue\r\n\r\n")};
    HF_CO_TRY_VOID(co_await stream_.write_all(go_on));
  }
  auto count = co_await body_.read_some(out);
  if (count) context_.counters.body_bytes_received += *count;
  if (!count && count.error().code == Errc::timeout) ++context_.counters.timeouts;
  co_return count;
}

bool RequestBody::can_be_drained() const {
  if (body_.done()) return true;
  // A client that still waits for "100 Continue" may send the body or not: nobody can tell what comes next.
  if (body_.failed() || owes_continue_) return false;
  const auto length = body_.length();
  return !length || *length - body_.bytes_read() <= context_.limits.drain_bytes_max;
}

io::Task<Result<void>> RequestBody::read_rest() {
  Bytes scratch(context_.limits.drain_bytes_max + 1);
  std::size_t drained = 0;
  while (!body_.done() && drained <= context_.limits.drain_bytes_max) {
    HF_CO_TRY(const std::size_t count, co_await read_some(scratch));
    if (count == 0) break;
    drained += count;
  }
  if (drained > context_.limits.drain_bytes_max) co_return fail(Errc::malformed, "more than is worth reading");
  co_return Result<void>{};
}

/// One whose bytes drip is no reason to keep a connection, whatever the limit for each of them.
io::Task<bool> RequestBody::drain() {
  if (!can_be_drained()) co_return false;
  if (body_.done()) co_return true;
  const Result<void> drained = co_await io::with_timeout(kDrainMax, read_rest());
  co_return drained.has_value();
}

ServerExchange::ServerExchange(io::ByteStream& stream, ServerContext& context, ParsedRequest request, MessageBody body,
                               const std::string& peer)
    : stream_(stream),
      context_(context),
      request_(std::move(request)),
      body_(stream, context, std::move(body), request_.expects_continue),
      peer_(peer) {}

std::string ServerExchange::head_text(const ResponseHead& head, std::uint64_t length) {
  begun_ = true;
  body_.answer_begins();
  const bool closes = head.headers.find("Connection") == "close";
  keep_ = request_.keep_alive && !context_.stopping && !closes && body_.can_be_drained();
  bodiless_ = request_.head.method == "HEAD" || head.status == 204 || head.status == 304;
  left_ = length;
  std::string text = status_line(head.status);
  append_fields(text, head.headers);
  if (head.status != 204) append_field(text, "Content-Length", std::to_string(length));
  append_field(text, "Date", context_.date());
  if (!keep_ && !closes) append_field(text, "Connection", "close");
  text += "\r\n";
  return text;
}

io::Task<Result<void>> ServerExchange::send(ByteView piece) {
  const std::string head = std::exchange(unsent_head_, {});
  const std::array<ByteView, 2> parts{view_of(head), bodiless_ ? ByteView() : piece};
  left_ -= piece.size();
  if (head.empty() && bodiless_) co_return Result<void>{};
  stream_.set_idle_limits(context_.limits.body_idle_timeout, context_.limits.write_idle_timeout);
  auto sent = co_await stream_.write_all(parts);
  if (sent) {
    context_.counters.body_bytes_sent += parts[1].size();
  } else {
    broken_ = true;
    if (sent.error().code == Errc::timeout) ++context_.counters.timeouts;
  }
  co_return sent;
}

io::Task<Result<void>> ServerExchange::inform(ResponseHead head) {
  HF_CHECK(!begun_ && head.status > 100 && head.status < 200);
  if (request_.head.http_1_0) co_return Result<void>{};
  std::string text = status_line(head.status);
  append_fields(text, head.headers);
  text += "\r\n";
  const std::array<ByteView, 1> parts{view_of(text)};
  stream_.set_idle_limits(context_.limits.body_idle_timeout, context_.limits.write_idle_timeout);
  auto sent = co_await stream_.write_all(parts);
  if (!sent) broken_ = true;
  co_return sent;
}

io::Task<Result<void>> ServerExchange::respond(ResponseHead head, ByteView body) {
  HF_CHECK(!begun_);
  unsent_head_ = head_text(head, body.size());
  co_return co_await send(body);
}

io::Task<Result<void>> ServerExchange::begin(ResponseHead head, std::uint64_t length) {
  HF_CHECK(!begun_);
  unsent_head_ = head_text(head, length);
  if (length == 0 || bodiless_) {
    co_return co_await send({});
  }
  co_return Result<void>{};
}

io::Task<Result<void>> ServerExchange::write(ByteView piece) {
  HF_CHECK(begun_ && piece.size() <= left_);
  if (broken_) co_return fail(Errc::unavailable, "the connection broke");
  if (piece.empty()) co_return Result<void>{};
  co_return co_await send(piece);
}

void ServerExchange::abandon() {
  begun_ = true;
  broken_ = true;
  stream_.close();
}

}  // namespace holdfast::http
