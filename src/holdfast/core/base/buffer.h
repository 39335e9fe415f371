// Large buffers on hot paths: not filled with zeros before they are overwritten, and kept for the next of the same size.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "holdfast/core/base/bytes.h"

namespace holdfast {

/// As std::allocator, but elements that are made without a value have none, and large blocks, once freed, are kept for
/// the next one of about that size (up to 64 MiB in all), so that a transfer of any length works in the memory of its
/// first moments. Thread-safe.
template <class T>
struct BufferAllocator {
  using value_type = T;
  BufferAllocator() = default;
  template <class U>
  BufferAllocator(const BufferAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor): allocators convert

  T* allocate(std::size_t count);
  void deallocate(T* block, std::size_t count) noexcept;
  template <class U>
  void construct(U* at) noexcept {
    ::new (static_cast<void*>(at)) U;
  }
  template <class U, class... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
  }
  friend bool operator==(const BufferAllocator&, const BufferAllocator&) { return true; }
};

template <>
std::uint8_t* BufferAllocator<std::uint8_t>::allocate(std::size_t count);
template <>
void BufferAllocator<std::uint8_t>::deallocate(std::uint8_t* block, std::size_t count) noexcept;

/// Bytes of which resize(n) and Buffer(n) leave the new ones unset.
using Buffer = std::vector<std::uint8_t, BufferAllocator<std::uint8_t>>;

/// (Buffer(begin, end) would construct one byte after another.)
inline Buffer to_buffer(ByteView bytes) {
  Buffer out(bytes.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

}  // namespace holdfast
