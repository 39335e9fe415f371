// The words every file uses for runs of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

inline ByteView view_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(ByteView bytes) {
  return Bytes(bytes.begin(), bytes.end());
}
inline Bytes to_bytes(std::string_view text) {
  return to_bytes(view_of(text));
}

inline void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}
inline void append(Bytes& out, std::string_view text) {
  append(out, view_of(text));
}

bool equal(ByteView a, ByteView b);

/// Compares secrets: the time depends on the lengths only.
bool equal_constant_time(ByteView a, ByteView b);

/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

}  // namespace holdfast
