// The port for connections: TCP, TLS, or a pipe in memory.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::io {

/// One reader and one writer may be at work at the same time. After an error the stream is dead.
/// Errors: unavailable (reset, refused, broken), timeout (idle limit), cancelled.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// At least one byte, or 0 at the end of the stream.
  virtual Task<Result<std::size_t>> read_some(MutableByteView out) = 0;
  /// All of them, or an error. The parts must stay valid until it is done.
  virtual Task<Result<void>> write_all(std::span<const ByteView> parts) = 0;
  /// Ends the connection at once; pending reads and writes end with errors. Idempotent.
  virtual void close() = 0;
  /// A single read (or write) during which nothing moves for longer than this fails with timeout.
  virtual void set_idle_limit(Duration limit) = 0;
};

}  // namespace holdfast::io
