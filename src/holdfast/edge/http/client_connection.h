// One connection of the client, over any ByteStream: a request out, the head of its answer in.
#pragma once

#include "holdfast/edge/http/client.h"
#include "holdfast/edge/http/head_parser.h"
#include "holdfast/edge/http/message_body.h"

namespace holdfast::http {

class ClientConnection {
 public:
  /// `options` and `counters` must outlive it.
  ClientConnection(std::unique_ptr<io::ByteStream> stream, io::Loop& loop, const ClientOptions& options,
                   ClientCounters& counters)
      : stream_(std::move(stream)), loop_(loop), options_(options), counters_(counters) {}

  /// Sends the request and reads the head of the answer, which may come before all is sent. After an error
  /// the connection is of no more use. Errors as Client::send, and what request.source fails with.
  io::Task<Result<ParsedResponse>> exchange(const ClientRequest& request);

  /// The body of the answer just read.
  MessageBody body_of(const ParsedResponse& answer, bool to_head_request);
  /// Another exchange may follow, once the body has been read.
  bool reusable() const { return reusable_ && buffer_.empty(); }
  /// Nothing of an answer to the latest request has arrived.
  bool heard_nothing() const { return heard_nothing_; }
  bool quiet() const { return buffer_.empty() && stream_->quiet(); }
  std::uint64_t request_bytes_sent() const { return sent_; }

 private:
  struct Upload;
  std::string head_of(const ClientRequest& request, std::uint64_t length) const;
  io::Task<Result<ParsedResponse>> exchange_small(const ClientRequest& request, std::string head);
  io::Task<Result<ParsedResponse>> exchange_large(const ClientRequest& request, std::string head);
  io::Task<void> upload(Upload* state);
  void await_answer(Upload* state);
  void look_for_answer(Upload* state);
  io::Task<Result<void>> send_all(Upload& state);
  io::Task<Result<void>> send_piece(std::string& head, ByteView piece);
  /// Per read until the deadline; Time::max(): somebody else watches the clock.
  io::Task<Result<ParsedResponse>> read_head(const ClientRequest& request, io::Time deadline);
  io::Task<Result<ByteView>> read_head_bytes(io::Time deadline);

  std::unique_ptr<io::ByteStream> stream_;
  io::Loop& loop_;
  const ClientOptions& options_;
  ClientCounters& counters_;
  InputBuffer buffer_;
  std::uint64_t sent_ = 0;  // of the latest request's body
  bool heard_nothing_ = true;
  bool reusable_ = false;
};

}  // namespace holdfast::http
