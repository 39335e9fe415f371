// Heads, what stands between a request's head and its answer, and behind its body: interim answers, trailers.
#include <gtest/gtest.h>

#include "holdfast/edge/http/head_parser.h"
#include "holdfast/edge/http/pipe_test_kit.h"
#include "holdfast/edge/http/trailers.h"

namespace holdfast::http::testing {
namespace {

/// The whole conversation of a server that says "104" and then echoes what the trailer said.
std::string talk(std::string_view input) {
  io::SimulatedLoop loop;
  io::CancelScope scope(loop);
  io::NullLog log;
  const Handler handler = [](Exchange& exchange) -> io::Task<void> {
    ResponseHead interim;
    interim.status = 104;
    interim.headers.add("Location", "/uploads/x");
    const Result<void> told = co_await exchange.inform(std::move(interim));
    EXPECT_TRUE(told.has_value());
    const Result<Bytes> body = co_await read_all(exchange.body(), 1000);
    ResponseHead head;
    head.status = body ? 200 : 400;
    head.headers.add("Said", std::string(exchange.body().trailers().find("upload-checksum").value_or("nothing")));
    static_cast<void>(co_await exchange.respond(std::move(head), body ? ByteView(*body) : ByteView()));
  };
  const ServerLimits limits;
  ServerContext context(loop, limits, handler, log);
  auto [server, client] = io::make_memory_pipe(loop, {});
  std::string output;
  auto serve = [](ServerContext& the_context, io::ByteStream& stream) -> io::Task<void> {
    ServerConnection connection(stream, the_context, "test");
    co_await connection.run();
  };
  auto ask = [](io::ByteStream& stream, std::string_view text, std::string& out) -> io::Task<void> {
    const std::array<ByteView, 1> parts{view_of(text)};
    static_cast<void>(co_await stream.write_all(parts));
    stream.finish_writing();
    std::array<std::uint8_t, 1000> buffer;
    for (;;) {
      const auto count = co_await stream.read_some(buffer);
      if (!count || *count == 0) co_return;
      out += text_of(ByteView(buffer).first(*count));
    }
  };
  auto both = [&]() -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(serve(context, *server));
    group.spawn(ask(*client, input, output));
    co_await group.join();
  };
  EXPECT_TRUE(loop.run(both(), scope));
  return output;
}

TEST(Interim, AnswersComeBeforeTheFinalOne) {
  const std::string output = talk("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi");
  EXPECT_TRUE(
      output.starts_with("HTTP/1.1 104 Upload Resumption Supported\r\nLocation: /uploads/x\r\n\r\nHTTP/1.1 200 OK\r\n"))
      << output;
  EXPECT_TRUE(output.ends_with("\r\n\r\nhi")) << output;
}

TEST(Interim, AnswersAreNotForClientsOfTheOldVersion) {
  const std::string output = talk("POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_TRUE(output.starts_with("HTTP/1.1 200 OK\r\n")) << output;
}

TEST(Trailers, AreThereWhenTheBodyHasBeenRead) {
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n";
  EXPECT_NE(talk(head + "Upload-Checksum: sha1 abc=\r\nX: y\r\n\r\n").find("Said: sha1 abc=\r\n"), std::string::npos);
  EXPECT_NE(talk(head + "\r\n").find("Said: nothing\r\n"), std::string::npos);
  EXPECT_NE(talk(head + "no field\r\n\r\n").find("HTTP/1.1 400 "), std::string::npos);
}

TEST(Trailers, DecideNothingThatAHeadDecides) {
  const Result<Headers> fields = parse_trailers("Content-Length: 5\r\nHOST: evil\r\nA: b\r\n");
  ASSERT_TRUE(fields.has_value());
  ASSERT_EQ(fields->fields().size(), 1U);
  EXPECT_EQ(fields->find("a"), "b");
}

TEST(Trailers, HaveABound) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += "A: b\r\n";
  EXPECT_FALSE(parse_trailers(many).has_value());
  EXPECT_FALSE(parse_trailers(": b\r\n").has_value());
  EXPECT_FALSE(parse_trailers("a b: c\r\n").has_value());
}

TEST(Heads, HaveLinesOfAtMost65000Bytes) {
  const HeadLimits limits{200'000, 128};
  for (const std::size_t size : {64'996U, 64'997U, 65'535U, 65'536U, 131'072U}) {
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(size, 'y') + "\r\n\r\n";
    HeadScanner scanner(limits);
    const auto length = scanner.scan(view_of(head));
    EXPECT_EQ(length.has_value(), size <= 64'996) << size;
    if (length) {
      EXPECT_TRUE(parse_request_head(view_of(head), limits).has_value());
    } else {
      EXPECT_EQ(length.error().status, 431U);
    }
  }
}

}  // namespace
}  // namespace holdfast::http::testing
