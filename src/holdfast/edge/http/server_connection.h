// One connection of the server, over any ByteStream: requests one after the other, each with its answer.
#pragma once

#include <list>

#include "holdfast/edge/http/head_parser.h"
#include "holdfast/edge/http/message_body.h"
#include "holdfast/edge/http/server.h"

namespace holdfast::http {

class ServerConnection;

/// What the connections of a server share. Outlives them.
class ServerContext {
 public:
  ServerContext(io::Loop& the_loop, const ServerLimits& the_limits, const Handler& the_handler, io::Log& the_log)
      : loop(the_loop), limits(the_limits), handler(the_handler), log(the_log) {}

  const std::string& date();  // the Date field's value, made once a second

  io::Loop& loop;
  const ServerLimits& limits;
  const Handler& handler;
  io::Log& log;
  ServerCounters counters;
  OriginFields refusal_fields;        // may be empty
  bool stopping = false;              // no further request is begun
  std::list<ServerConnection*> idle;  // between requests, longest first

 private:
  std::int64_t date_second_ = -1;
  std::string date_;
};

class ServerConnection {
 public:
  ServerConnection(io::ByteStream& stream, ServerContext& context, std::string peer)
      : stream_(stream), context_(context), peer_(std::move(peer)) {}

  /// To the end of the connection; the stream is closed then.
  io::Task<void> run();
  /// For a connection in the idle list: takes it off and ends run().
  void end_idle();

 private:
  io::Task<std::optional<ParsedRequest>> read_request();
  /// Waits, with as little memory as possible, until something arrives. False when nothing will.
  io::Task<bool> wait_for_request();
  void leave_idle();
  io::Task<void> refuse(HeadFault fault);
  /// Runs the handler; true when another request may follow.
  io::Task<bool> answer(ParsedRequest request);
  /// Says goodbye so that the peer can read the answer before the connection vanishes.
  io::Task<void> linger();

  io::ByteStream& stream_;
  ServerContext& context_;
  std::string peer_;
  InputBuffer buffer_;
  std::optional<std::list<ServerConnection*>::iterator> idle_place_;
};

}  // namespace holdfast::http
