// HTTP/1.1 messages as values. The parser behind them is Boost.Beast, in .cc files only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::http {

/// In the order of the wire; names keep their case, are compared without it, and may repeat.
class Headers {
 public:
  struct Field {
    std::string name, value;
  };
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  /// The first one, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string_view> find_all(std::string_view name) const;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

struct RequestHead {
  std::string method;
  std::string target;  // origin form, as sent
  Headers headers;
  std::optional<std::uint64_t> content_length;  // nothing: chunked, or no body
  bool chunked = false;
  bool http_1_0 = false;  // such a client understands no interim answers
};

struct ResponseHead {
  unsigned status = 200;
  Headers headers;  // Content-Length, Date and Connection are added by the server; `Connection: close` is heard
};

/// A body as it arrives.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  /// At least one byte, or 0 when the body is complete. A body that ends early is an error
  /// (unavailable), never a 0. One that was cancelled before anything came may be tried again.
  virtual io::Task<Result<std::size_t>> read_some(MutableByteView out) = 0;
  /// What Content-Length promised, when it did.
  virtual std::optional<std::uint64_t> length() const = 0;
  /// Fields behind a chunked body, when it has been read to its end; framing fields are not among them.
  virtual const Headers& trailers() const = 0;
};

/// The whole rest of a body; more than bytes_max is `malformed` (413 for a server).
io::Task<Result<Bytes>> read_all(BodyReader& body, std::size_t bytes_max);

/// A body as it is sent: chunks of any size, produced when there is room for them.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual std::uint64_t length() const = 0;
  /// The next bytes, valid until the next call; exactly length() bytes in all. An error ends the connection.
  virtual io::Task<Result<ByteView>> next() = 0;
};

}  // namespace holdfast::http
