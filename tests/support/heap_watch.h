// How much of the heap is in use, for tests of what must stay flat.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // GCC 12 has the function and no header for it
#endif

namespace holdfast::test {

inline std::size_t heap_in_use() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

/// The most that was in use whenever anybody looked.
struct HeapWatch {
  const std::size_t at_first = heap_in_use();
  std::size_t most = at_first;
  void look() { most = std::max(most, heap_in_use()); }
  std::size_t grown() const { return most - at_first; }
};

}  // namespace holdfast::test
