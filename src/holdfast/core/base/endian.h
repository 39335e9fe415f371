// Big-endian integers, as all formats here have them.
#pragma once

#include <cstdint>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"

namespace holdfast {

/// Reads width (1..8) bytes at offset; the caller has checked that they are there.
inline std::uint64_t load_be(ByteView bytes, std::size_t offset, std::size_t width) {
  HF_CHECK(width <= 8 && offset <= bytes.size() && width <= bytes.size() - offset);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | bytes[offset + i];
  return value;
}

inline void store_be(MutableByteView bytes, std::size_t offset, std::size_t width, std::uint64_t value) {
  HF_CHECK(width <= 8 && offset <= bytes.size() && width <= bytes.size() - offset);
  for (std::size_t i = width; i-- > 0; value >>= 8) bytes[offset + i] = static_cast<std::uint8_t>(value);
}

inline void append_be(Bytes& out, std::size_t width, std::uint64_t value) {
  out.resize(out.size() + width);
  store_be(out, out.size() - width, width, value);
}

}  // namespace holdfast
