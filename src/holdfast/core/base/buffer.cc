#include "holdfast/core/base/buffer.h"

#include <map>
#include <mutex>
#include <new>

namespace holdfast {
namespace {

constexpr std::size_t kKeptFrom = 128 * 1024;
constexpr std::size_t kGrain = 64 * 1024;  // sizes are rounded up to it, so that those of one kind fit each other
constexpr std::size_t kKeptBytesMax = 64 * 1'048'576;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kKeeps = false;  // a sanitizer must see what is freed
#else
constexpr bool kKeeps = true;
#endif

/// A cache of the process, like malloc's own: no state that anybody could see.
class Kept {
 public:
  void* take(std::size_t size) {
    {
      const std::scoped_lock lock(mutex_);
      if (const auto it = blocks_.find(size); it != blocks_.end()) {
        void* block = it->second.back();
        it->second.pop_back();
        if (it->second.empty()) blocks_.erase(it);
        bytes_ -= size;
        return block;
      }
    }
    return ::operator new(size);
  }

  void give(void* block, std::size_t size) noexcept {
    {
      const std::scoped_lock lock(mutex_);
      if (bytes_ + size <= kKeptBytesMax) {
        blocks_[size].push_back(block);
        bytes_ += size;
        return;
      }
    }
    ::operator delete(block);
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> blocks_;
  std::size_t bytes_ = 0;
};

Kept& kept() {
  static Kept* const all = new Kept;  // lives as long as the process: buffers may be freed by other destructors
  return *all;
}

bool is_kept(std::size_t size) {
  return kKeeps && size >= kKeptFrom;
}
std::size_t rounded(std::size_t size) {
  return (size + kGrain - 1) / kGrain * kGrain;
}

}  // namespace

template <>
std::uint8_t* BufferAllocator<std::uint8_t>::allocate(std::size_t count) {
  return static_cast<std::uint8_t*>(is_kept(count) ? kept().take(rounded(count)) : ::operator new(count));
}

template <>
void BufferAllocator<std::uint8_t>::deallocate(std::uint8_t* block, std::size_t count) noexcept {
  if (is_kept(count)) {
    kept().give(block, rounded(count));
  } else {
    ::operator delete(block);
  }
}

}  // namespace holdfast
