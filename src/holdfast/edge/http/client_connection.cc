#include "holdfast/edge/http/client_connection.h"

#include <algorithm>
#include <array>

#include "holdfast/edge/http/head_text.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kSmallBodyBytesMax = 16 * 1024;  // sent without listening at the same time
constexpr std::size_t kSliceBytesMax = 64 * 1024;      // counted as one
constexpr std::size_t kPacedBytesMax = 8 * 1024;       // so that at a low rate none of many connections falls silent
constexpr std::size_t kAnswerHeadersMax = 200;
// Interim answers may come for as long as a request takes, but no faster than this: a few at once, then so many a second.
constexpr std::int64_t kInterimAnswersAtOnce = 10, kInterimAnswersPerSecond = 2;
// A server that stops reading often has answered before; its answer deserves to be looked for.
constexpr io::Duration kAnswerAfterBreak = std::chrono::seconds(2);
constexpr io::Duration kLookEvery = std::chrono::seconds(1);  // at what the peer's machine has taken

std::string authority(const ClientOptions& options) {
  const bool v6 = options.host.find(':') != std::string::npos;
  return (v6 ? "[" + options.host + "]" : options.host) + ":" + std::to_string(options.port);
}

}  // namespace

/// What the writing side of a large request shares with the reading side.
struct ClientConnection::Upload {
  const ClientRequest& request;
  std::string head;
  io::CancelScope& reading;
  std::unique_ptr<io::Loop::Timer> last_call{};  // ends the reading
  io::Duration patience{};                       // with the answer
  io::Time moved{};                              // the peer's machine took bytes
  std::size_t on_the_way = 0;                    // that it has not taken
  bool answered = false;
  bool finished = false;
  bool timed_out = false;
  std::optional<Error> write_error{};
  std::optional<Error> source_error{};
};

std::string ClientConnection::head_of(const ClientRequest& request, std::uint64_t length) const {
  std::string head = request_line(request.method, request.target);
  append_field(head, "Host", authority(options_));
  append_fields(head, request.headers);
  const bool sends_body = request.method != "GET" && request.method != "HEAD" && request.method != "DELETE";
  if (length > 0 || sends_body) append_field(head, "Content-Length", std::to_string(length));
  return head + "\r\n";
}

io::Task<Result<ParsedResponse>> ClientConnection::exchange(const ClientRequest& request) {
  sent_ = 0;
  heard_nothing_ = true;
  reusable_ = false;
  const std::uint64_t length = request.source != nullptr ? request.source->length() : request.body.size();
  std::string head = head_of(request, length);
  const bool small = request.source == nullptr && length <= kSmallBodyBytesMax && options_.send_limit == nullptr;
  if (small) {
    co_return co_await exchange_small(request, std::move(head));
  }
  co_return co_await exchange_large(request, std::move(head));
}

io::Task<Result<ParsedResponse>> ClientConnection::exchange_small(const ClientRequest& request, std::string head) {
  stream_->set_idle_limit(options_.idle_timeout);
  const auto written = co_await send_piece(head, request.body);
  if (!written && written.error().code != Errc::unavailable) co_return tl::make_unexpected(written.error());
  const io::Time deadline = loop_.now() + (written ? request.answer_timeout : kAnswerAfterBreak);
  auto answer = co_await read_head(request, deadline);
  if (!answer && !written) co_return tl::make_unexpected(written.error());
  reusable_ = answer && written && answer->keep_alive;
  co_return answer;
}

io::Task<Result<ParsedResponse>> ClientConnection::exchange_large(const ClientRequest& request, std::string head) {
  io::CancelScope& scope = co_await io::this_scope();
  io::CancelScope reading(scope);
  io::TaskGroup writing(scope);
  Upload state{request, std::move(head), reading};
  stream_->set_idle_limits(io::kNoLimit, options_.idle_timeout);
  writing.spawn(upload(&state));
  auto reader = read_head(request, io::Time::max());
  auto answer = co_await reader.in(reading);
  state.answered = true;
  const bool early = !state.finished;
  writing.cancel();
  co_await writing.join();
  state.last_call.reset();
  if (state.source_error) co_return tl::make_unexpected(*state.source_error);
  if (answer) {
    reusable_ = answer->keep_alive && !early && !state.write_error;
    co_return answer;
  }
  if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
  if (answer.error().code == Errc::malformed) co_return answer;
  if (state.write_error && !early) co_return tl::make_unexpected(*state.write_error);
  if (state.timed_out) co_return fail(Errc::timeout, "no answer in time");
  co_return answer;
}

io::Task<void> ClientConnection::upload(Upload* state) {
  auto sent = co_await send_all(*state);
  if (state->answered) co_return;
  state->finished = true;
  if (!sent) state->write_error = std::move(sent).error();
  if (state->source_error || (state->write_error && state->write_error->code != Errc::unavailable)) {
    state->reading.cancel();
    co_return;
  }
  state->patience = state->write_error ? kAnswerAfterBreak : state->request.answer_timeout;
  state->moved = loop_.now();
  state->on_the_way = stream_->unacknowledged();
  await_answer(state);
}

/// The clock of the answer begins when the peer's machine has the last byte: on a slow line that is long after it was written.
void ClientConnection::await_answer(Upload* state) {
  const io::Time look = std::min(loop_.now() + kLookEvery, state->moved + state->patience);
  state->last_call = loop_.at(look, [this, state] { look_for_answer(state); });
}

void ClientConnection::look_for_answer(Upload* state) {
  const std::size_t on_the_way = stream_->unacknowledged();
  if (on_the_way < std::exchange(state->on_the_way, on_the_way)) state->moved = loop_.now();
  if (loop_.now() - state->moved < state->patience) {
    await_answer(state);
    return;
  }
  state->timed_out = true;
  state->reading.cancel();
}

io::Task<Result<void>> ClientConnection::send_all(Upload& state) {
  BodySource* source = state.request.source;
  if (source == nullptr) {
    co_return co_await send_piece(state.head, state.request.body);
  }
  std::uint64_t left = source->length();
  if (left == 0) {
    co_return co_await send_piece(state.head, {});
  }
  while (left > 0) {
    auto piece = co_await source->next();
    if (piece && (piece->empty() || piece->size() > left)) {
      piece = fail(Errc::io, "the source of a request's body does not have the promised length");
    }
    if (!piece) {
      // Once there is an answer the source has been stopped: its "stopped" must not hide what the server says.
      if (!state.answered) state.source_error = piece.error();
      co_return tl::make_unexpected(std::move(piece).error());
    }
    left -= piece->size();
    HF_CO_TRY_VOID(co_await send_piece(state.head, *piece));
  }
  co_return Result<void>{};
}

io::Task<Result<void>> ClientConnection::send_piece(std::string& head, ByteView piece) {
  do {
    const std::size_t most = options_.send_limit != nullptr ? kPacedBytesMax : kSliceBytesMax;
    const ByteView slice = piece.first(std::min(piece.size(), most));
    piece = piece.subspan(slice.size());
    if (options_.send_limit != nullptr) {
      const bool may = co_await options_.send_limit->take(head.size() + slice.size());
      if (!may) co_return fail(Errc::cancelled, "stopped");
    }
    // Counted when handed over: what is lost on the way counts as sent.
    sent_ += slice.size();
    counters_.body_bytes_sent += slice.size();
    const std::array<ByteView, 2> parts{view_of(head), slice};
    HF_CO_TRY_VOID(co_await stream_->write_all(parts));
    head.clear();
  } while (!piece.empty());
  co_return Result<void>{};
}

io::Task<Result<ByteView>> ClientConnection::read_head_bytes(io::Time deadline) {
  HeadScanner scanner(HeadLimits{options_.head_bytes_max, kAnswerHeadersMax});
  for (;;) {
    const auto length = scanner.scan(buffer_.bytes());
    if (!length) co_return fail(Errc::malformed, "the answer is not HTTP: " + length.error().what);
    if (*length > 0) co_return buffer_.bytes().first(*length);
    if (deadline != io::Time::max()) {
      const io::Duration left = std::max(deadline - loop_.now(), io::Duration(1));
      stream_->set_idle_limits(left, options_.idle_timeout);
    }
    auto count = co_await buffer_.fill(*stream_);
    if (!count && count.error().code == Errc::timeout) co_return fail(Errc::timeout, "no answer in time");
    if (!count) co_return tl::make_unexpected(std::move(count).error());
    if (*count == 0) co_return fail(Errc::unavailable, "the server closed the connection without an answer");
    heard_nothing_ = false;
  }
}

io::Task<Result<ParsedResponse>> ClientConnection::read_head(const ClientRequest& request, io::Time deadline) {
  const HeadLimits limits{options_.head_bytes_max, kAnswerHeadersMax};
  const io::Time begun = loop_.now();
  for (std::int64_t interim = 0;; ++interim) {
    const std::int64_t passed = (loop_.now() - begun) / std::chrono::seconds(1);
    if (interim > kInterimAnswersAtOnce + passed * kInterimAnswersPerSecond)
      co_return fail(Errc::malformed, "too many interim answers");
    HF_CO_TRY(const ByteView bytes, co_await read_head_bytes(deadline));
    auto answer = parse_response_head(bytes, limits);
    if (!answer) co_return fail(Errc::malformed, "the answer is not HTTP: " + answer.error().what);
    buffer_.consume(bytes.size());
    if (answer->status == 101) co_return fail(Errc::malformed, "the server wants another protocol");
    if (answer->status < 200) {
      if (request.on_interim) request.on_interim(answer->status, answer->headers);
      continue;
    }
    stream_->set_idle_limit(options_.idle_timeout);
    co_return std::move(*answer);
  }
}

MessageBody ClientConnection::body_of(const ParsedResponse& answer, bool to_head_request) {
  if (to_head_request || answer.status == 204 || answer.status == 304) return MessageBody::none(buffer_, *stream_);
  if (answer.chunked) return MessageBody::chunked(buffer_, *stream_);
  if (answer.content_length) return MessageBody::of_length(buffer_, *stream_, *answer.content_length);
  reusable_ = false;
  return MessageBody::to_end(buffer_, *stream_);
}

}  // namespace holdfast::http
