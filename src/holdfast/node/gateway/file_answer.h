// What is answered to a request for a file, before a byte of it is read: status, head, and which bytes (resumable-upload.md
// 3.1 to 3.3). No waiting here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/range_set.h"
#include "holdfast/edge/http/message.h"

namespace holdfast::gateway {

struct FileFacts {
  std::uint64_t size = 0;
  std::string etag;    // quoted, strong
  std::string former;  // what Tahoe-LAFS would have as a tag; may be empty
  std::string media_type;
  std::optional<std::string> disposition;
  std::string_view sandbox = "sandbox";  // its Content-Security-Policy; may be empty
  std::string cache_control = "private, max-age=31536000, immutable, no-transform";
  std::optional<std::string> sha256_base64;  // of the whole, where it is known
};

/// Some bytes of the file, with text before them that is not of it.
struct AnswerPart {
  std::string before;
  Range range;  // may be empty
};

struct FileAnswer {
  http::ResponseHead head;
  std::uint64_t length = 0;       // of the body as Content-Length tells it
  std::vector<AnswerPart> parts;  // none: a head only (HEAD, 304), or an empty body
};

/// 200, 206, 304, 412 (whose text is the caller's) or 416. GET and HEAD. `boundary` is used between parts and must not be
/// guessable by whoever wrote the file.
FileAnswer plan_answer(const http::RequestHead& request, const FileFacts& facts, std::string_view boundary);

}  // namespace holdfast::gateway
