#include "holdfast/core/protocol/multipart.h"

#include <algorithm>

#include "holdfast/core/protocol/content_disposition.h"
#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kHeaderBytesMax = 8'192, kPartsMax = 1'000, kBoundaryBytesMax = 70;

using Kind = MultipartReader::Event::Kind;

tl::unexpected<Error> bad(const char* what) {
  return fail(Errc::malformed, std::string("bad form: ") + what);
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  std::string_view rest = content_type;
  if (!same_ignoring_case(trim(take_until(rest, ';')), "multipart/form-data"))
    return fail(Errc::malformed, "the body must be a form: multipart/form-data");
  std::string boundary = disposition_parameter(content_type, "boundary");
  if (boundary.empty() || boundary.size() > kBoundaryBytesMax) return bad("no boundary that can be one");
  return boundary;
}

MultipartReader::MultipartReader(std::string_view boundary) : delimiter_("\r\n--" + std::string(boundary)) {}

Result<MultipartReader::Event> MultipartReader::next(ByteView input, bool last) {
  Result<Event> out = Event{};
  switch (state_) {
    case State::preamble:
      out = preamble(input);
      break;
    case State::after_boundary:
      out = after_boundary(input);
      break;
    case State::header:
      out = header(input);
      break;
    case State::content:
      out = content(input);
      break;
    case State::end:
      return Event{Kind::end, input.size(), {}};
  }
  if (out && out->kind == Kind::need_more && last) return bad("it ended early");
  return out;
}

/// The first boundary has no line end before it when it begins the body.
Result<MultipartReader::Event> MultipartReader::preamble(ByteView input) {
  const std::string_view text = text_of(input), first = std::string_view(delimiter_).substr(2);
  const std::size_t most = std::min(text.size(), first.size());
  if (text.substr(0, most) != first.substr(0, most)) return bad("it does not begin with its boundary");
  if (text.size() < first.size()) return Event{};
  state_ = State::after_boundary;
  return after_boundary(input.subspan(first.size())).map([&](Event event) {
    event.used += first.size();
    return event;
  });
}

/// CR LF: another part. Two dashes: the end.
Result<MultipartReader::Event> MultipartReader::after_boundary(ByteView input) {
  if (input.size() < 2) return Event{};
  const std::string_view text = text_of(input.first(2));
  if (text == "--") {
    state_ = State::end;
    return Event{Kind::end, 2, {}};
  }
  if (text != "\r\n") return bad("a boundary with something behind it");
  if (++parts_ > kPartsMax) return bad("too many parts");
  state_ = State::header;
  return header(input.subspan(2)).map([](Event event) {
    event.used += 2;
    return event;
  });
}

Result<MultipartReader::Event> MultipartReader::header(ByteView input) {
  const std::string_view text = text_of(input);
  const bool empty = text.starts_with("\r\n");
  const std::size_t end = empty ? 0 : text.find("\r\n\r\n");
  if (end == std::string_view::npos && text.size() > kHeaderBytesMax) return bad("the header of a part is too long");
  if (end == std::string_view::npos) return Event{};
  if (end > kHeaderBytesMax) return bad("the header of a part is too long");
  HF_TRY_VOID(read_header(text.substr(0, end)));
  state_ = State::content;
  return Event{Kind::part, end + (empty ? 2 : 4), {}};
}

Result<void> MultipartReader::read_header(std::string_view lines) {
  name_.clear();
  file_name_.clear();
  media_type_.clear();
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    const std::string_view key = trim(take_until(line, ':'));
    if (same_ignoring_case(key, "Content-Disposition")) {
      name_ = disposition_parameter(line, "name");
      file_name_ = name_in_disposition(line);
    }
    if (same_ignoring_case(key, "Content-Type")) media_type_ = std::string(trim(line));
  }
  return {};
}

/// Everything up to the delimiter; what could be the beginning of one waits for more.
Result<MultipartReader::Event> MultipartReader::content(ByteView input) {
  const std::string_view text = text_of(input);
  const std::size_t found = text.find(delimiter_);
  if (found == 0) {
    state_ = State::after_boundary;
    return after_boundary(input.subspan(delimiter_.size())).map([&](Event event) {
      event.used += delimiter_.size();
      return event;
    });
  }
  std::size_t sure = found;
  if (found == std::string_view::npos) {
    sure = text.size() - std::min(text.size(), delimiter_.size() - 1);
    // Only where a CR is can a delimiter begin.
    sure = std::min(text.size(), std::max(sure, std::min(text.find('\r', sure), text.size())));
  }
  if (sure == 0) return Event{};
  return Event{Kind::content, sure, input.first(sure)};
}

}  // namespace holdfast::protocol
