// Heads, what stands between a request's head and its answer, and behind its body: interim answers, trailers.
#include <gtest/gtest.h>

#include "holdfast/edge/http/head_parser.h"
#include "holdfast/edge/http/pipe_test_kit.h"
#include "holdfast/edge/http/trailers.h"
#include "holdfast/edge/io/waiting.h"

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
  const auto pipe = io::make_memory_pipe(loop, {});
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
    group.spawn(serve(context, *pipe.first));
    group.spawn(ask(*pipe.second, input, output));
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

std::string interim_at(std::uint64_t offset) {
  return "HTTP/1.1 104 Upload Resumption Supported\r\nUpload-Offset: " + std::to_string(offset) + "\r\n\r\n";
}
const std::string kFinal = "HTTP/1.1 204 No Content\r\n\r\n";

ClientRequest patch() {
  ClientRequest out;
  out.method = "PATCH";
  out.target = "/";
  out.body = to_bytes("hi");
  out.answer_timeout = std::chrono::minutes(10);
  return out;
}

TEST(Interim, AnswersAreToldToWhoeverAsked) {
  std::vector<std::string> told;
  ClientRequest request = patch();
  request.on_interim = [&](unsigned status, const Headers& headers) {
    told.push_back(std::to_string(status) + " " + std::string(headers.find("upload-offset").value_or("none")));
  };
  const std::string answer = interim_at(5) + "HTTP/1.1 103 Early Hints\r\n\r\n" + interim_at(7) + kFinal;
  const Hearing hearing = hear(view_of(answer), std::move(request), 1);
  ASSERT_TRUE(hearing.head.has_value());
  EXPECT_EQ(hearing.head->status, 204U);
  EXPECT_EQ(told, (std::vector<std::string>{"104 5", "103 none", "104 7"}));
}

TEST(Interim, AnswersMayNotComeInAFlood) {
  std::string answer;
  for (std::uint64_t i = 0; i < 12; ++i) answer += interim_at(i);
  const Hearing hearing = hear(view_of(answer), patch());
  EXPECT_TRUE(!hearing.head && hearing.head.error().code == Errc::malformed);
}

io::Task<void> inform_each_second(io::ByteStream* stream, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const std::string text = interim_at(i);
    const std::array<ByteView, 1> parts{view_of(text)};
    static_cast<void>(co_await stream->write_all(parts));
    co_await io::sleep_for(std::chrono::seconds(1));
  }
  const std::array<ByteView, 1> parts{view_of(kFinal)};
  static_cast<void>(co_await stream->write_all(parts));
}

TEST(Interim, AnswersMayComeForAsLongAsTheRequestTakes) {
  io::SimulatedLoop loop;
  io::CancelScope scope(loop);
  const ClientOptions options;
  ClientCounters counters;
  auto [near, far] = io::make_memory_pipe(loop, {});
  ClientConnection connection(std::move(near), loop, options, counters);
  unsigned told = 0;
  ClientRequest request = patch();
  request.on_interim = [&](unsigned, const Headers&) { ++told; };
  auto talk = [](ClientConnection& to, const ClientRequest& what, io::ByteStream* stream) -> io::Task<void> {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(inform_each_second(stream, 200));
    const Result<ParsedResponse> answer = co_await to.exchange(what);
    EXPECT_TRUE(answer && answer->status == 204);
    co_await group.join();
  };
  EXPECT_TRUE(loop.run(talk(connection, request, far.get()), scope));
  EXPECT_EQ(told, 200U);
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
  for (const std::size_t size : {64'995U, 64'996U, 65'535U, 65'536U, 131'072U}) {
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(size, 'y') + "\r\n\r\n";
    HeadScanner scanner(limits);
    const auto length = scanner.scan(view_of(head));
    EXPECT_EQ(length.has_value(), size <= 64'995) << size;
    if (length) {
      EXPECT_TRUE(parse_request_head(view_of(head), limits).has_value());
    } else {
      EXPECT_EQ(length.error().status, 431U);
    }
  }
}

TEST(Bodies, ThatNobodyReadsHoldTheirConnectionForAMoment) {
  RawServer server;
  server.reads_bodies = false;
  const std::string request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ";
  const auto ended_after = [&server](const std::string& input) {
    const io::Time begin = io::SimulatedLoop().now();
    const Conversation said = server.talk(view_of(input), true);
    EXPECT_TRUE(said.ended);
    EXPECT_EQ(statuses_of(said.output), std::vector<unsigned>{200});
    return said.finished_at - begin;
  };
  EXPECT_LE(ended_after(request + "100\r\n\r\nabc"), std::chrono::seconds(10));
  EXPECT_LE(ended_after(request + "100000000\r\n\r\nabc"), std::chrono::seconds(10)) << "too much to be read at all";
}

TEST(Refusals, TellAPageOfItsOriginWhatHappened) {
  RawServer server;
  server.limits.head_bytes_max = 500;
  server.refusal_fields = [](std::string_view origin, Headers& headers) {
    headers.add("Access-Control-Allow-Origin", std::string(origin));
  };
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\n", origin = "oRIGIN:  https://a.example \r\n";
  const std::string told = "\r\nAccess-Control-Allow-Origin: https://a.example\r\n";
  const std::string large = "A: " + std::string(600, 'y') + "\r\n\r\n";
  const auto answer = [&server](const std::string& input, bool then_silent = false) {
    return server.talk(view_of(input), then_silent).output;
  };
  for (const std::string& refused :
       {answer(start + origin + "Host: y\r\n\r\n"), answer(start + origin + "Content-Length: -1\r\n\r\n"),
        answer(start + origin + large), answer(start + origin + "Expect: more\r\n\r\n"),
        answer(start + origin, true)}) {
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 4")) << refused;
    EXPECT_NE(refused.find(told), std::string::npos) << refused;
  }
  // Not there, behind what was read, in half a line, twice, in a body: nobody knows.
  for (const std::string& refused :
       {answer(start + "Host: y\r\n\r\n"), answer(start + large + origin), answer(start + "Origin: https://a", true),
        answer(start + origin + origin + "Host: y\r\n\r\n"), answer(start + "Host: y\r\n\r\n" + origin)}) {
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 4")) << refused;
    EXPECT_EQ(refused.find("Access-Control"), std::string::npos) << refused;
  }
}

}  // namespace
}  // namespace holdfast::http::testing
