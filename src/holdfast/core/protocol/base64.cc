#include "holdfast/core/protocol/base64.h"

namespace holdfast::protocol {
namespace {

constexpr std::string_view kStandard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_with(std::string_view alphabet, ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  unsigned buffer = 0;
  unsigned bits = 0;
  for (std::uint8_t byte : bytes) {
    buffer = buffer << 8 | byte;
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out.push_back(alphabet[buffer >> bits & 63]);
    }
    buffer &= (1u << bits) - 1;
  }
  if (bits > 0) out.push_back(alphabet[buffer << (6 - bits) & 63]);
  return out;
}

Result<Bytes> decode_with(std::string_view alphabet, std::string_view text) {
  if (text.size() % 4 == 1) return fail(Errc::malformed, "base64 text of an impossible length");
  Bytes out;
  out.reserve(text.size() * 3 / 4);
  unsigned buffer = 0;
  unsigned bits = 0;
  for (char c : text) {
    const std::size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return fail(Errc::malformed, "a character outside base64");
    buffer = buffer << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(buffer >> bits));
      buffer &= (1u << bits) - 1;
    }
  }
  if (buffer != 0) return fail(Errc::malformed, "stray bits at the end of base64 text");
  return out;
}

}  // namespace

std::string base64_encode(ByteView bytes) {
  std::string out = encode_with(kStandard, bytes);
  out.resize((out.size() + 3) / 4 * 4, '=');
  return out;
}

Result<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return fail(Errc::malformed, "base64 text without its padding");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode_with(kStandard, text);
}

std::string base64url_encode(ByteView bytes) {
  return encode_with(kUrl, bytes);
}
Result<Bytes> base64url_decode(std::string_view text) {
  return decode_with(kUrl, text);
}

}  // namespace holdfast::protocol
