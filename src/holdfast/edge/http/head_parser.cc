#include "holdfast/edge/http/head_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "holdfast/edge/http/text.h"

namespace holdfast::http {
namespace {

// Beast counts the bytes of a field in 16 bits, and throws when there are more.
constexpr std::size_t kLineBytesMax = 65'000;
namespace beast = boost::beast;

tl::unexpected<HeadFault> fault(unsigned status, std::string what) {
  return tl::make_unexpected(HeadFault{status, std::move(what)});
}
tl::unexpected<HeadFault> bad(std::string what) {
  return fault(400, std::move(what));
}

struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
};

/// The two ways to say how long a body is; anything that two readers could read differently is refused.
HeadResult<Framing> framing_of(const Headers& headers) {
  Framing framing;
  const auto lengths = headers.find_all("Content-Length");
  const auto codings = headers.find_all("Transfer-Encoding");
  if (lengths.size() > 1) return bad("more than one Content-Length");
  if (codings.size() > 1) return bad("more than one Transfer-Encoding");
  if (!lengths.empty() && !codings.empty()) return bad("both Content-Length and Transfer-Encoding");
  if (!lengths.empty()) {
    framing.content_length = parse_decimal(lengths.front());
    if (!framing.content_length) return bad("Content-Length is not a number");
  }
  if (!codings.empty()) {
    if (!equal_ignoring_case(codings.front(), "chunked")) return bad("a transfer coding other than chunked");
    framing.chunked = true;
  }
  return framing;
}

template <bool is_request>
HeadResult<beast::http::header<is_request>> parse_with_beast(ByteView bytes, HeadLimits limits) {
  beast::http::parser<is_request, beast::http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.bytes_max + 1));
  parser.body_limit(boost::none);
  beast::error_code error;
  // Only the head is given: Beast parses it whole and never sees the body.
  const std::size_t used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == beast::http::error::header_limit) return fault(431, "the head is too large");
  if (error && error != beast::http::error::need_more) return bad("not HTTP/1.1: " + error.message());
  if (used != bytes.size() || !parser.is_header_done()) return bad("not HTTP/1.1: the head has no end");
  return static_cast<beast::http::header<is_request>&&>(parser.release());
}

template <class Header>
Headers copy_headers(const Header& header) {
  Headers headers;
  for (const auto& field : header) headers.add(std::string(field.name_string()), std::string(field.value()));
  return headers;
}

bool says_close(const Headers& headers) {
  for (const std::string_view value : headers.find_all("Connection")) {
    if (list_has(value, "close")) return true;
  }
  return false;
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~!$&'()*+;=:[]%").find(c) != std::string_view::npos;
}

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

/// "http://host/path" means "/path" at that host; the Host field must say the same.
HeadResult<std::string> origin_form(std::string target, std::string_view method, std::string_view host) {
  if (!std::all_of(target.begin(), target.end(), is_visible) || target.find('#') != std::string::npos) {
    return bad("characters in the target that do not belong there");
  }
  if (target.starts_with('/')) return target;
  if (target == "*" && method == "OPTIONS") return target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::string rest = target.substr(scheme.size());
    const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    if (slash == 0 || !equal_ignoring_case(rest.substr(0, slash), host)) return bad("target and Host disagree");
    const std::string path = rest.substr(slash);
    return path.starts_with('/') ? path : "/" + path;
  }
  return bad("not a target in origin form");
}

}  // namespace

HeadResult<std::size_t> HeadScanner::scan(ByteView input) {
  for (; position_ < input.size(); ++position_) {
    if (position_ >= limits_.bytes_max) return fault(431, "the head is too large");
    if (position_ - line_start_ >= kLineBytesMax) return fault(431, "a header field is too large");
    const std::uint8_t byte = input[position_];
    const bool after_cr = position_ > 0 && input[position_ - 1] == '\r';
    if (after_cr != (byte == '\n')) return bad("a line does not end with CR LF");
    if (byte == '\n') {
      HF_TRY(const std::size_t length, end_of_line());
      if (length != 0) return length;
    } else if ((byte < 0x20 && byte != '\t' && byte != '\r') || byte == 0x7f) {
      return bad("a control character in the head");
    } else if (position_ == line_start_ && (byte == ' ' || byte == '\t')) {
      return bad("a line begins with a space");
    }
  }
  return std::size_t{0};
}

HeadResult<std::size_t> HeadScanner::end_of_line() {
  const bool empty = position_ == line_start_ + 1;
  line_start_ = position_ + 1;
  if (empty && lines_ == 0) return bad("the first line is empty");
  if (empty) return std::exchange(position_, position_ + 1) + 1;
  if (++lines_ > limits_.headers_max + 1) return fault(431, "too many header fields");
  return std::size_t{0};
}

HeadResult<ParsedRequest> parse_request_head(ByteView bytes, HeadLimits limits) {
  HF_TRY(const auto header, parse_with_beast<true>(bytes, limits));
  if (header.version() != 10 && header.version() != 11) return bad("not HTTP/1.0 or 1.1");
  ParsedRequest request;
  request.head.method = std::string(header.method_string());
  request.head.headers = copy_headers(header);
  const Headers& headers = request.head.headers;
  HF_TRY(const Framing framing, framing_of(headers));
  request.head.content_length = framing.content_length;
  request.head.chunked = framing.chunked;
  if (framing.chunked && header.version() == 10) return bad("a chunked body in HTTP/1.0");

  const auto hosts = headers.find_all("Host");
  if (hosts.size() > 1) return bad("more than one Host");
  if (hosts.empty() && header.version() == 11) return bad("no Host");
  const std::string_view host = hosts.empty() ? std::string_view() : hosts.front();
  if (!std::all_of(host.begin(), host.end(), is_host_character)) return bad("Host is not a host");
  HF_TRY(request.head.target, origin_form(std::string(header.target()), request.head.method, host));

  if (const auto expect = headers.find("Expect"); expect && header.version() == 11) {
    if (!equal_ignoring_case(*expect, "100-continue")) return fault(417, "an unknown expectation");
    request.expects_continue = true;
  }
  request.head.http_1_0 = header.version() == 10;
  request.keep_alive = !request.head.http_1_0 && !says_close(headers);
  return request;
}

std::string origin_of(ByteView begun_head) {
  std::string_view rest = text_of(begun_head);
  std::string out;
  unsigned times = 0;
  for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(':'), line.size());
    if (!equal_ignoring_case(line.substr(0, colon), "Origin") || colon == line.size()) continue;
    out = trimmed(line.substr(colon + 1));
    ++times;
  }
  return times == 1 ? out : "";
}

HeadResult<ParsedResponse> parse_response_head(ByteView bytes, HeadLimits limits) {
  HF_TRY(const auto header, parse_with_beast<false>(bytes, limits));
  if (header.version() != 10 && header.version() != 11) return bad("not HTTP/1.0 or 1.1");
  ParsedResponse response;
  response.status = header.result_int();
  if (response.status < 100 || response.status > 599) return bad("a status that does not exist");
  response.headers = copy_headers(header);
  HF_TRY(const Framing framing, framing_of(response.headers));
  response.content_length = framing.content_length;
  response.chunked = framing.chunked;
  response.keep_alive = header.version() == 11 && !says_close(response.headers);
  return response;
}

}  // namespace holdfast::http
