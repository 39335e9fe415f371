// Forms with files (multipart/form-data, RFC 7578), as they arrive: pure, in pieces of any size.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

/// The boundary that a Content-Type names. Errors: malformed when it is no multipart/form-data or has none.
Result<std::string> multipart_boundary(std::string_view content_type);

/// Takes a form apart. Feed bytes; what belongs to the content of a part comes out. Strict in framing; at most 8 KiB of header
/// for a part and 1,000 parts.
class MultipartReader {
 public:
  explicit MultipartReader(std::string_view boundary);

  /// One step of what happens next.
  struct Event {
    enum class Kind {
      need_more,  // feed more
      part,       // a part begins: name() and file_name() are its
      content,    // so many bytes of `bytes` are content of it
      end,        // of the form; what follows is not looked at
    };
    Kind kind = Kind::need_more;
    std::size_t used = 0;  // of the input; feed the rest again
    ByteView bytes;        // content: a view into the input
  };
  /// `last`: nothing comes behind this input. Errors: malformed.
  Result<Event> next(ByteView input, bool last);

  const std::string& name() const { return name_; }
  const std::string& file_name() const { return file_name_; }
  const std::string& media_type() const { return media_type_; }

 private:
  Result<Event> preamble(ByteView input);
  Result<Event> after_boundary(ByteView input);
  Result<Event> header(ByteView input);
  Result<Event> content(ByteView input);
  Result<void> read_header(std::string_view lines);

  enum class State { preamble, after_boundary, header, content, end };
  const std::string delimiter_;  // CR LF, two dashes, boundary
  State state_ = State::preamble;
  std::size_t parts_ = 0;
  std::string name_, file_name_, media_type_;
};

}  // namespace holdfast::protocol
