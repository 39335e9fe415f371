// A connection inside one process, on any loop (virtual time included): for tests and fuzzers.
#pragma once

#include <memory>
#include <utility>

#include "holdfast/edge/io/byte_stream.h"

namespace holdfast::io {

struct PipeOptions {
  std::size_t capacity_bytes = 64 * 1024;  // in flight in each direction; writers wait for room
  std::size_t read_bytes_max = 64 * 1024;  // one read gives no more: small values show careless readers
};

/// The two ends. What one writes the other reads. close() of one end breaks the other, except that what was
/// written before finish_writing() can still be read. The loop must outlive both.
std::pair<std::unique_ptr<ByteStream>, std::unique_ptr<ByteStream>> make_memory_pipe(Loop& loop,
                                                                                     PipeOptions options = {});

}  // namespace holdfast::io
