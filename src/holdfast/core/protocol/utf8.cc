#include "holdfast/core/protocol/utf8.h"

#include <algorithm>
#include <cstdint>

namespace holdfast::protocol {
namespace {

std::uint8_t byte(char c) {
  return static_cast<std::uint8_t>(c);
}

/// The length of the character that begins so and the bounds of its second byte, which keep out overlong forms,
/// surrogates and what is too large; the others are 80 to bf.
struct Shape {
  std::size_t bytes = 0;  // 0: no character begins so
  std::uint8_t low = 0x80, high = 0xbf;
};

Shape shape_of(std::uint8_t first) {
  if (first < 0x80) return {1};
  if (first < 0xc2) return {0};
  if (first < 0xe0) return {2};
  if (first == 0xe0) return {3, 0xa0};
  if (first == 0xed) return {3, 0x80, 0x9f};
  if (first < 0xf0) return {3};
  if (first == 0xf0) return {4, 0x90};
  if (first < 0xf4) return {4};
  if (first == 0xf4) return {4, 0x80, 0x8f};
  return {0};
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Shape shape = shape_of(byte(text[0]));
    if (shape.bytes == 0 || text.size() < shape.bytes) return false;
    if (shape.bytes > 1 && (byte(text[1]) < shape.low || byte(text[1]) > shape.high)) return false;
    const auto follows = [](char c) { return (byte(c) & 0xc0) == 0x80; };
    if (shape.bytes > 2 && !std::ranges::all_of(text.substr(2, shape.bytes - 2), follows)) return false;
    text.remove_prefix(shape.bytes);
  }
  return true;
}

}  // namespace holdfast::protocol
