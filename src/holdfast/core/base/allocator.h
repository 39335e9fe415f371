// How the process's allocator treats buffers of megabytes.
#pragma once

namespace holdfast {

/// To be called once, first thing in main. By default glibc returns each large buffer to the kernel when it is freed, and
/// the next one is paid for page by page: with buffers of a segment that costs a download half of its CPU time. From then
/// on freed buffers are kept for the next ones; what is in use is bounded elsewhere.
void keep_freed_memory();

/// What was freed goes back to the kernel after all, once: after a start that has read much and keeps little.
void give_back_freed_memory();

}  // namespace holdfast
