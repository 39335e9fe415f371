#include "holdfast/edge/http/chunk_decoder.h"

#include "holdfast/core/base/check.h"

namespace holdfast::http {
namespace {

constexpr unsigned kSizeDigitsMax = 16;
constexpr std::size_t kOverheadBytesMax = 8 * 1024;

int hex_value(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(std::uint8_t c) {
  return c == '\t' || (c >= 0x20 && c != 0x7f);
}

tl::unexpected<Error> bad(const char* what) {
  return fail(Errc::malformed, std::string("bad chunked body: ") + what);
}

}  // namespace

Result<std::size_t> ChunkDecoder::frame(ByteView input) {
  std::size_t used = 0;
  while (used < input.size() && state_ != State::data && state_ != State::done) HF_TRY_VOID(step(input[used++]));
  return used;
}

void ChunkDecoder::took(std::uint64_t count) {
  HF_CHECK(state_ == State::data && count <= data_left_);
  data_left_ -= count;
  if (data_left_ == 0) state_ = State::data_cr;
}

Result<void> ChunkDecoder::size_byte(std::uint8_t byte) {
  if (const int value = hex_value(byte); value >= 0) {
    if (++digits_ > kSizeDigitsMax) return bad("a size of too many digits");
    data_left_ = data_left_ * 16 + static_cast<std::uint64_t>(value);
    return {};
  }
  if (digits_ == 0) return bad("no size");
  if (byte == '\r') {
    state_ = State::size_end;
  } else if (byte == ';') {
    state_ = State::extension;
  } else {
    return bad("a size that is not a number");
  }
  return {};
}

Result<void> ChunkDecoder::step(std::uint8_t byte) {
  switch (state_) {
    case State::size:
      return size_byte(byte);
    case State::extension:
      if (byte == '\r') {
        state_ = State::size_end;
      } else if (!is_text(byte) || ++overhead_ > kOverheadBytesMax) {
        return bad("an extension that is not text, or too long");
      }
      return {};
    case State::size_end:
      if (byte != '\n') return bad("no line feed after a size");
      overhead_ = 0;
      digits_ = 0;
      state_ = data_left_ > 0 ? State::data : State::trailer_start;
      return {};
    case State::data_cr:
    case State::data_lf:
      if (state_ == State::data_cr ? byte != '\r' : byte != '\n') return bad("data longer than its size");
      state_ = state_ == State::data_cr ? State::data_lf : State::size;
      return {};
    case State::trailer_start:
    case State::trailer:
      if (byte == '\r') {
        state_ = state_ == State::trailer_start ? State::last_lf : State::trailer_lf;
      } else if (!is_text(byte) || ++overhead_ > kOverheadBytesMax) {
        return bad("a trailer that is not text, or too long");
      } else {
        trailer_text_ += static_cast<char>(byte);
        state_ = State::trailer;
      }
      return {};
    case State::trailer_lf:
    case State::last_lf:
      if (byte != '\n') return bad("no line feed in the trailer");
      if (state_ == State::trailer_lf) trailer_text_ += "\r\n";
      state_ = state_ == State::last_lf ? State::done : State::trailer_start;
      return {};
    case State::data:
    case State::done:
      break;
  }
  HF_UNREACHABLE();
}

}  // namespace holdfast::http
