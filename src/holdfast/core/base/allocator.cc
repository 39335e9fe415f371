#include "holdfast/core/base/allocator.h"

#include <malloc.h>

namespace holdfast {
namespace {

constexpr int kMappedFrom = 32 * 1'048'576;  // the most that glibc takes; above every buffer of ours
constexpr int kTrimmedFrom = 128 * 1'048'576;
constexpr int kArenas = 2;  // each keeps its own freed memory: few large allocations, little contention

}  // namespace

void keep_freed_memory() {
  ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
  ::mallopt(M_TRIM_THRESHOLD, kTrimmedFrom);
  ::mallopt(M_ARENA_MAX, kArenas);
}

void give_back_freed_memory() {
  ::malloc_trim(0);
}

}  // namespace holdfast
