#include "holdfast/core/base/base32.h"

namespace holdfast {
namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

int value_of(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  if (c >= '2' && c <= '7') return c - '2' + 26;
  return -1;
}

}  // namespace

std::string base32_encode(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() * 8 + 4) / 5);
  unsigned buffer = 0;
  unsigned bits = 0;
  for (std::uint8_t byte : bytes) {
    buffer = buffer << 8 | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out.push_back(kAlphabet[buffer >> bits & 31]);
    }
    buffer &= (1u << bits) - 1;
  }
  if (bits > 0) out.push_back(kAlphabet[buffer << (5 - bits) & 31]);
  return out;
}

Result<Bytes> base32_decode(std::string_view text) {
  const std::size_t rest = text.size() % 8;
  if (rest == 1 || rest == 3 || rest == 6) return fail(Errc::malformed, "base32 text of an impossible length");
  Bytes out;
  out.reserve(text.size() * 5 / 8);
  unsigned buffer = 0;
  unsigned bits = 0;
  for (char c : text) {
    const int value = value_of(c);
    if (value < 0) return fail(Errc::malformed, "a character outside base32");
    buffer = buffer << 5 | static_cast<unsigned>(value);
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(buffer >> bits));
      buffer &= (1u << bits) - 1;
    }
  }
  if (buffer != 0) return fail(Errc::malformed, "stray bits at the end of base32 text");
  return out;
}

}  // namespace holdfast
