// Answers that pages of other sites may read, if the operator lists them (resumable-upload.md 1.13).
#pragma once

#include "holdfast/edge/http/server.h"

namespace holdfast::gateway {

/// Whoever reads it there may read this answer, and these of its fields.
void allow_reading(http::Headers& headers, std::string origin);

/// Passes everything on; answers, errors too, say that the page of this origin may read them. Without an origin they say, where
/// `varies`, that they would have said more to another.
class CrossOriginExchange final : public http::Exchange {
 public:
  CrossOriginExchange(http::Exchange& below, std::string origin, bool varies)
      : below_(below), origin_(std::move(origin)), varies_(varies) {}

  const http::RequestHead& request() const override { return below_.request(); }
  http::BodyReader& body() override { return below_.body(); }
  std::string peer() const override { return below_.peer(); }
  io::Task<Result<void>> inform(http::ResponseHead head) override { return below_.inform(std::move(head)); }
  io::Task<Result<void>> respond(http::ResponseHead head, ByteView body) override {
    allow(head.headers);
    return below_.respond(std::move(head), body);
  }
  io::Task<Result<void>> begin(http::ResponseHead head, std::uint64_t length) override {
    allow(head.headers);
    return below_.begin(std::move(head), length);
  }
  io::Task<Result<void>> write(ByteView piece) override { return below_.write(piece); }
  void abandon() override { below_.abandon(); }
  bool client_finished() const override { return below_.client_finished(); }

 private:
  void allow(http::Headers& headers) const;

  http::Exchange& below_;
  const std::string origin_;
  const bool varies_;
};

}  // namespace holdfast::gateway
