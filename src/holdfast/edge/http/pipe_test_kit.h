// For tests and fuzzers: raw bytes against a ServerConnection or ClientConnection, in memory and on virtual
// time.
#pragma once

#include <array>

#include "holdfast/edge/http/client_connection.h"
#include "holdfast/edge/http/server_connection.h"
#include "holdfast/edge/io/memory_pipe.h"
#include "holdfast/edge/io/simulated_loop.h"
#include "holdfast/edge/io/spd_log.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::http::testing {

/// What came back, and what the handler saw.
struct Conversation {
  bool ended = false;  // both sides came to an end (no deadlock)
  std::string output;
  std::vector<std::string> handled;  // "METHOD target"
  std::vector<std::string> bodies;   // as far as they could be read
  std::vector<bool> complete;        // whether the body came to its end
  ServerCounters counters;
  io::Time finished_at;
};

class RawServer {
 public:
  ServerLimits limits;
  io::PipeOptions pipe;
  bool reads_bodies = true;
  OriginFields refusal_fields;

  /// Sends `input` (in one go), then either finishes or keeps silent, and collects everything that comes
  /// back.
  Conversation talk(ByteView input, bool then_silent = false) {
    io::SimulatedLoop loop;
    io::CancelScope scope(loop);
    Conversation result;
    Handler handler = [this, &result](Exchange& exchange) { return handle(*this, exchange, result); };
    ServerContext context(loop, limits, handler, log_);
    context.refusal_fields = refusal_fields;
    auto [server, client] = io::make_memory_pipe(loop, pipe);
    result.ended = loop.run(all(context, server.get(), client.get(), input, then_silent, &result), scope);
    result.counters = context.counters;
    result.finished_at = loop.now();
    return result;
  }

 private:
  static io::Task<void> handle(RawServer& self, Exchange& exchange, Conversation& result) {
    result.handled.push_back(exchange.request().method + " " + exchange.request().target);
    ResponseHead head;
    std::string body;
    bool complete = !self.reads_bodies;
    if (self.reads_bodies) {
      std::array<std::uint8_t, 1000> buffer;
      for (;;) {
        const auto count = co_await exchange.body().read_some(buffer);
        if (!count) head.status = 400;
        complete = count && *count == 0;
        if (!count || *count == 0) break;
        body += text_of(ByteView(buffer).first(*count));
      }
    }
    result.bodies.push_back(body);
    result.complete.push_back(complete);
    const std::string answer = "handled " + exchange.request().target;
    const auto sent = co_await exchange.respond(std::move(head), view_of(answer));
    (void)sent;
  }
  static io::Task<void> serve(ServerContext* context, io::ByteStream* stream) {
    ServerConnection connection(*stream, *context, "pipe");
    co_await connection.run();
  }
  static io::Task<void> speak(io::ByteStream* stream, ByteView input, bool then_silent) {
    const std::array<ByteView, 1> parts{input};
    const auto sent = co_await stream->write_all(parts);
    if (sent && !then_silent) stream->finish_writing();
  }
  static io::Task<void> listen(io::ByteStream* stream, Conversation* result) {
    Bytes buffer(4096);
    for (;;) {
      const auto count = co_await stream->read_some(buffer);
      if (!count || *count == 0) break;
      result->output += text_of(ByteView(buffer).first(*count));
    }
    stream->close();
  }
  static io::Task<void> all(ServerContext& context, io::ByteStream* server, io::ByteStream* client, ByteView input,
                            bool then_silent, Conversation* result) {
    io::TaskGroup group(co_await io::this_scope());
    group.spawn(serve(&context, server));
    group.spawn(speak(client, input, then_silent));
    group.spawn(listen(client, result));
    co_await group.join();
  }
  io::NullLog log_;
};

/// The statuses of all answers in the output, in order. Answers of this kit have text bodies without
/// "HTTP/1.".
inline std::vector<unsigned> statuses_of(std::string_view output) {
  std::vector<unsigned> statuses;
  const std::string_view mark = "HTTP/1.1 ";
  for (std::size_t at = output.find(mark); at != std::string_view::npos; at = output.find(mark, at + 1)) {
    statuses.push_back(static_cast<unsigned>(std::stoul(std::string(output.substr(at + mark.size(), 3)))));
  }
  return statuses;
}

/// What a client makes of the bytes of an answer.
struct Hearing {
  bool ended = false;
  Result<ParsedResponse> head = fail(Errc::io, "nothing happened");
  Result<Bytes> body = fail(Errc::io, "nothing happened");
  bool reusable = false;
  std::string request;
};

inline Hearing hear(ByteView answer, ClientRequest request, std::size_t read_bytes_max = 65536,
                    bool then_silent = false) {
  struct Parts {
    static io::Task<void> ask(ClientConnection* connection, const ClientRequest* request, Hearing* hearing) {
      hearing->head = co_await connection->exchange(*request);
      if (!hearing->head) co_return;
      MessageBody body = connection->body_of(*hearing->head, request->method == "HEAD");
      hearing->body = co_await read_all(body, 1 << 20);
      hearing->reusable = connection->reusable() && body.done();
    }
    static io::Task<void> answer(io::ByteStream* stream, ByteView bytes, bool then_silent) {
      const std::array<ByteView, 1> parts{bytes};
      const auto sent = co_await stream->write_all(parts);
      if (sent && !then_silent) stream->finish_writing();
    }
    static io::Task<void> swallow(io::ByteStream* stream, Hearing* hearing) {
      Bytes buffer(4096);
      for (;;) {
        const auto count = co_await stream->read_some(buffer);
        if (!count || *count == 0) break;
        hearing->request += text_of(ByteView(buffer).first(*count));
      }
    }
    static io::Task<void> all(std::unique_ptr<ClientConnection> connection, io::ByteStream* far, ByteView bytes,
                              bool then_silent, const ClientRequest* request, Hearing* hearing) {
      io::TaskGroup group(co_await io::this_scope());
      group.spawn(answer(far, bytes, then_silent));
      group.spawn(swallow(far, hearing));
      co_await ask(connection.get(), request, hearing);
      connection.reset();
      co_await group.join();
    }
  };
  io::SimulatedLoop loop;
  io::CancelScope scope(loop);
  Hearing hearing;
  ClientOptions options;
  options.host = "example.org";
  ClientCounters counters;
  io::PipeOptions pipe;
  pipe.read_bytes_max = read_bytes_max;
  auto [near, far] = io::make_memory_pipe(loop, pipe);
  auto connection = std::make_unique<ClientConnection>(std::move(near), loop, options, counters);
  hearing.ended =
      loop.run(Parts::all(std::move(connection), far.get(), answer, then_silent, &request, &hearing), scope);
  return hearing;
}

}  // namespace holdfast::http::testing
