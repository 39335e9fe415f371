// Chunked bodies, framed without copying their data.
#pragma once

#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::http {

/// Knows where the data of a chunked body lies; never touches the data. It is not Beast's: bytes go straight
/// from the connection into the reader's buffer, which a parser with a buffer of its own cannot do (Tahoe
/// servers answer every share read chunked). Strict: CR LF everywhere, hexadecimal sizes of at most 16
/// digits, extensions skipped, trailers kept as they are; what is not data has bounds.
class ChunkDecoder {
 public:
  /// Consumes framing from the front of `input`; answers how many bytes it took. Afterwards, if
  /// data_left() > 0, the next bytes are data; otherwise, unless done(), it needs more input.
  /// Error: malformed.
  Result<std::size_t> frame(ByteView input);
  std::uint64_t data_left() const { return state_ == State::data ? data_left_ : 0; }
  /// `count` bytes of data (at most data_left()) were taken.
  void took(std::uint64_t count);
  bool done() const { return state_ == State::done; }
  /// The lines behind the last chunk, each with its CR LF.
  const std::string& trailer_text() const { return trailer_text_; }

 private:
  enum class State {
    size,
    extension,
    size_end,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer,
    trailer_lf,
    last_lf,
    done
  };
  Result<void> step(std::uint8_t byte);
  Result<void> size_byte(std::uint8_t byte);

  State state_ = State::size;
  std::uint64_t data_left_ = 0;
  unsigned digits_ = 0;
  std::size_t overhead_ = 0;  // extension bytes of this chunk, or trailer bytes
  std::string trailer_text_;
};

}  // namespace holdfast::http
