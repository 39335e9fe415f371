// One peer that answers requests over pinned HTTPS: what storage servers and helpers have in common.
#pragma once

#include <memory>
#include <string>

#include "holdfast/core/protocol/nurl.h"
#include "holdfast/edge/http/client.h"
#include "holdfast/node/grid/server_list.h"

namespace holdfast::grid {

/// A ByteSource of ours as the body of a request.
class SourceBody final : public http::BodySource {
 public:
  explicit SourceBody(ByteSource& source) : source_(source) {}
  std::uint64_t length() const override { return source_.length(); }
  io::Task<Result<ByteView>> next() override { return source_.next(); }

 private:
  ByteSource& source_;
};

struct HttpAnswer {
  unsigned status = 0;
  http::Headers headers;
  Bytes body;
};

class HttpPeer {
 public:
  /// `name` is what errors call it.
  HttpPeer(io::AsioLoop& loop, const http::TlsClientContext& tls, const protocol::Nurl& nurl, std::string name,
           const HttpServerOptions& options);

  const std::string& name() const { return name_; }
  http::Client& client() const { return *client_; }
  Traffic traffic() const;

  /// With the swissnum, ready to be filled; answered within `silence`.
  http::ClientRequest request(std::string method, std::string path) const;
  static void add_secret(http::ClientRequest& out, std::string_view kind, const Secret& secret);

  /// Errors: those of http::Client::send.
  io::Task<Result<std::unique_ptr<http::ClientResponse>>> send(http::ClientRequest out);
  /// What a status that is none of success means, with what the peer says of it; a page instead of an answer is told so.
  io::Task<Error> error_of(http::ClientResponse& response);
  /// An answer of at most bytes_max, in little more than `silence` when it is small. 2xx, or an error.
  io::Task<Result<HttpAnswer>> read(http::ClientResponse& response, std::size_t bytes_max);
  /// A request with such an answer.
  io::Task<Result<HttpAnswer>> ask(http::ClientRequest out, std::size_t bytes_max);

  /// An answer that cannot be decoded is told with the peer's name.
  template <class T>
  Result<T> in_answer(Result<T> decoded) const {
    if (!decoded) return fail(Errc::malformed, name_ + " answered something else: " + decoded.error().what);
    return decoded;
  }

 private:
  const std::string name_;
  const std::string authorization_;
  io::AsioLoop& loop_;
  const io::Duration silence_;
  http::RateLimiter* const receive_limit_;  // or none
  std::unique_ptr<http::Client> client_;
};

}  // namespace holdfast::grid
