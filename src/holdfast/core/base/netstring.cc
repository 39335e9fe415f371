#include "holdfast/core/base/netstring.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::size_t kLengthDigitsMax = 19;  // fits 64 bits whatever the digits are

}  // namespace

void append_netstring(Bytes& out, ByteView value) {
  append(out, std::to_string(value.size()));
  out.push_back(':');
  append(out, value);
  out.push_back(',');
}

Bytes netstring(ByteView value) {
  Bytes out;
  append_netstring(out, value);
  return out;
}

Result<ByteView> NetstringReader::next(std::size_t value_bytes_max) {
  std::size_t digits = 0;
  std::uint64_t length = 0;
  while (digits < rest_.size() && digits < kLengthDigitsMax && rest_[digits] >= '0' && rest_[digits] <= '9') {
    length = length * 10 + (rest_[digits] - '0');
    ++digits;
  }
  if (digits == 0 || digits == rest_.size() || rest_[digits] != ':') {
    return fail(Errc::malformed, "a netstring without a proper length");
  }
  if (digits > 1 && rest_[0] == '0') return fail(Errc::malformed, "a netstring length with a leading zero");
  const ByteView body = rest_.subspan(digits + 1);
  if (length > value_bytes_max) return fail(Errc::malformed, "a netstring that is too long");
  if (length >= body.size()) return fail(Errc::malformed, "a netstring that ends early");
  if (body[length] != ',') return fail(Errc::malformed, "a netstring without its comma");
  rest_ = body.subspan(length + 1);
  return body.first(length);
}

Result<ByteView> NetstringReader::next_until(char end, std::size_t word_bytes_max) {
  const auto stop = std::ranges::find(rest_, static_cast<std::uint8_t>(end));
  const auto length = static_cast<std::size_t>(stop - rest_.begin());
  if (stop == rest_.end()) return fail(Errc::malformed, std::string("no '") + end + "' where a word should end");
  if (length > word_bytes_max) return fail(Errc::malformed, "a word that is too long");
  const ByteView word = rest_.first(length);
  rest_ = rest_.subspan(length + 1);
  return word;
}

}  // namespace holdfast
