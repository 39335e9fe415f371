// When the clock of an answer begins: not before the request is there, on a line as slow as it may be.
#include <gtest/gtest.h>

#include "holdfast/edge/http/pipe_test_kit.h"
#include "holdfast/edge/io/waiting.h"

namespace holdfast::http::testing {
namespace {

using std::chrono::seconds;

/// A line that takes what is written at once, and carries so many bytes a second.
class SlowLine final : public io::ByteStream {
 public:
  SlowLine(io::Loop& loop, std::unique_ptr<io::ByteStream> inner, std::size_t bytes_a_second)
      : loop_(loop), inner_(std::move(inner)), rate_(bytes_a_second) {}
  io::Task<Result<std::size_t>> read_some(MutableByteView out) override { return inner_->read_some(out); }
  io::Task<Result<void>> write_all(std::span<const ByteView> parts) override {
    for (const ByteView& part : parts) written_ += part.size();
    return inner_->write_all(parts);
  }
  void finish_writing() override { inner_->finish_writing(); }
  void close() override { inner_->close(); }
  void set_idle_limits(io::Duration read, io::Duration write) override { inner_->set_idle_limits(read, write); }
  bool quiet() const override { return inner_->quiet(); }
  bool peer_finished() const override { return inner_->peer_finished(); }
  std::size_t unacknowledged() const override {
    const auto carried = static_cast<std::size_t>((loop_.now() - begun_) / seconds(1)) * rate_;
    return written_ - std::min(written_, carried);
  }

 private:
  io::Loop& loop_;
  std::unique_ptr<io::ByteStream> inner_;
  const std::size_t rate_;
  const io::Time begun_ = loop_.now();
  std::size_t written_ = 0;
};

/// What a request of 100,000 bytes gets, over a line that carries 1000 a second, and whose answer is patiently waited for
/// for ten; and after how long.
struct Exchanged {
  Result<ParsedResponse> answer = fail(Errc::io, "nothing happened");
  io::Duration took{};
};
Exchanged exchange_over_a_slow_line(io::Duration answered_after) {
  io::SimulatedLoop loop;
  io::CancelScope scope(loop);
  const ClientOptions options;
  ClientCounters counters;
  io::PipeOptions roomy;
  roomy.capacity_bytes = 1 << 20;
  auto [near, far] = io::make_memory_pipe(loop, roomy);
  ClientConnection connection(std::make_unique<SlowLine>(loop, std::move(near), 1'000), loop, options, counters);
  ClientRequest request;
  request.method = "PATCH";
  request.target = "/";
  request.body = Bytes(100'000);
  request.answer_timeout = seconds(10);
  Exchanged out;
  struct Parts {
    static io::Task<void> ask(ClientConnection* to, const ClientRequest* what, Exchanged* result) {
      result->answer = co_await to->exchange(*what);
    }
    static io::Task<void> answer(io::ByteStream* stream, io::Duration after) {
      const bool slept = co_await io::sleep_for(after);
      const std::string text = "HTTP/1.1 204 No Content\r\n\r\n";
      const std::array<ByteView, 1> parts{view_of(text)};
      if (slept) static_cast<void>(co_await stream->write_all(parts));
    }
    static io::Task<void> both(ClientConnection* to, const ClientRequest* what, io::ByteStream* stream,
                               io::Duration after, Exchanged* result) {
      io::TaskGroup answering(co_await io::this_scope());
      answering.spawn(answer(stream, after));
      co_await ask(to, what, result);
      answering.cancel();
      co_await answering.join();
    }
  };
  const io::Time begun = loop.now();
  EXPECT_TRUE(loop.run(Parts::both(&connection, &request, far.get(), answered_after, &out), scope));
  out.took = loop.now() - begun;
  return out;
}

TEST(ClientConnection, WaitsForAnAnswerFromWhenTheRequestIsThere) {
  const Exchanged slow = exchange_over_a_slow_line(seconds(105));
  ASSERT_TRUE(slow.answer.has_value()) << slow.answer.error().what;
  EXPECT_EQ(slow.answer->status, 204U);
}

TEST(ClientConnection, DoesNotWaitForEver) {
  const Exchanged never = exchange_over_a_slow_line(std::chrono::hours(1));
  ASSERT_FALSE(never.answer.has_value());
  EXPECT_EQ(never.answer.error().code, Errc::timeout);
  EXPECT_GE(never.took, seconds(109));
  EXPECT_LE(never.took, seconds(113));
}

}  // namespace
}  // namespace holdfast::http::testing
