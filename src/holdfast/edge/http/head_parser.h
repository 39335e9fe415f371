// HTTP/1.1 heads: found, checked strictly, and taken apart by Boost.Beast. Pure functions of bytes.
#pragma once

#include <tl/expected.hpp>

#include "holdfast/edge/http/message.h"

namespace holdfast::http {

struct HeadLimits {
  std::size_t bytes_max;
  std::size_t headers_max;
};

/// Why a head is not accepted; `status` is what a server answers (400, 417 or 431).
struct HeadFault {
  unsigned status;
  std::string what;
};
template <class T>
using HeadResult = tl::expected<T, HeadFault>;

/// Finds the end of a head as it arrives and refuses what no honest peer sends: a line feed without carriage
/// return or the reverse, control characters, folded lines. Each byte is looked at once.
class HeadScanner {
 public:
  explicit HeadScanner(HeadLimits limits) : limits_(limits) {}
  /// `input` is everything that came so far, from the head's first byte. The length of the head with its
  /// empty line, or 0 while there is more to come.
  HeadResult<std::size_t> scan(ByteView input);

 private:
  HeadResult<std::size_t> end_of_line();
  HeadLimits limits_;
  std::size_t position_ = 0;
  std::size_t line_start_ = 0;
  std::size_t lines_ = 0;
};

struct ParsedRequest {
  RequestHead head;
  bool keep_alive = true;  // HTTP/1.1 without "Connection: close"
  bool expects_continue = false;
};
/// A whole head, as HeadScanner found it. Refused besides bad grammar: versions other than 1.0 and 1.1, both
/// Content-Length and Transfer-Encoding, several Content-Lengths, any coding but chunked, a missing or second
/// Host, an absolute target of another host.
HeadResult<ParsedRequest> parse_request_head(ByteView head, HeadLimits limits);

/// The Origin that a head names which need be neither whole nor right; empty when it is not there exactly once, in a line that has
/// come to its end.
std::string origin_of(ByteView begun_head);

struct ParsedResponse {
  unsigned status = 0;
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
};
HeadResult<ParsedResponse> parse_response_head(ByteView head, HeadLimits limits);

}  // namespace holdfast::http
