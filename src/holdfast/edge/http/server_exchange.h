// The Exchange of one request on a ServerConnection.
#pragma once

#include "holdfast/edge/http/server_connection.h"

namespace holdfast::http {

/// The request's body with its limits, and the "100 Continue" that some clients wait for.
class RequestBody final : public BodyReader {
 public:
  RequestBody(io::ByteStream& stream, ServerContext& context, MessageBody body, bool owes_continue)
      : stream_(stream), context_(context), body_(std::move(body)), owes_continue_(owes_continue) {}

  io::Task<Result<std::size_t>> read_some(MutableByteView out) override;
  std::optional<std::uint64_t> length() const override { return body_.length(); }
  const Headers& trailers() const override { return body_.trailers(); }
  bool done() const { return body_.done(); }
  bool failed() const { return body_.failed(); }
  /// Whether reading on to the end of the body is worth keeping the connection.
  bool can_be_drained() const;
  /// Reads what is left, within drain_bytes_max and a moment; false when there is more.
  io::Task<bool> drain();
  void answer_begins() { answer_begun_ = true; }

 private:
  io::Task<Result<void>> read_rest();

  io::ByteStream& stream_;
  ServerContext& context_;
  MessageBody body_;
  bool owes_continue_;
  bool answer_begun_ = false;
};

class ServerExchange final : public Exchange {
 public:
  ServerExchange(io::ByteStream& stream, ServerContext& context, ParsedRequest request, MessageBody body,
                 const std::string& peer);

  const RequestHead& request() const override { return request_.head; }
  BodyReader& body() override { return body_; }
  std::string peer() const override { return peer_; }
  io::Task<Result<void>> inform(ResponseHead head) override;
  io::Task<Result<void>> respond(ResponseHead head, ByteView body) override;
  io::Task<Result<void>> begin(ResponseHead head, std::uint64_t length) override;
  io::Task<Result<void>> write(ByteView piece) override;
  void abandon() override;
  bool client_finished() const override { return stream_.peer_finished(); }

  bool begun() const { return begun_; }
  bool broken() const { return broken_; }
  /// The whole answer has been written; without a body that is its head.
  bool finished() const { return begun_ && !broken_ && (left_ == 0 || bodiless_); }
  bool keeps_connection() const { return keep_; }
  RequestBody& request_body() { return body_; }

 private:
  std::string head_text(const ResponseHead& head, std::uint64_t length);
  io::Task<Result<void>> send(ByteView piece);

  io::ByteStream& stream_;
  ServerContext& context_;
  ParsedRequest request_;
  RequestBody body_;
  const std::string& peer_;
  std::string unsent_head_;  // goes out with the first piece of the body
  std::uint64_t left_ = 0;   // of the answer's body
  bool bodiless_ = false;    // HEAD, 204, 304
  bool begun_ = false;
  bool broken_ = false;
  bool keep_ = false;
};

}  // namespace holdfast::http
