// The port for connections: TCP, TLS, or a pipe in memory.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/edge/io/task.h"

namespace holdfast::io {

/// No limit in set_idle_limits.
inline constexpr Duration kNoLimit = Duration::max();

/// One reader and one writer may be at work at the same time. After an error in one direction that direction
/// is dead; the other may still work (an answer can be read after a write was cut short).
/// Errors: unavailable (reset, refused, broken), timeout (idle limit), cancelled.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// At least one byte, or 0 at the end of the stream. `out` must not be empty.
  virtual Task<Result<std::size_t>> read_some(MutableByteView out) = 0;
  /// All of them, or an error. The parts must stay valid until it is done.
  virtual Task<Result<void>> write_all(std::span<const ByteView> parts) = 0;
  /// Tells the peer that nothing more will be written; reading goes on. Never waits.
  virtual void finish_writing() = 0;
  /// Ends the connection at once; pending reads and writes end with errors. Idempotent.
  virtual void close() = 0;
  /// A single read (or write) during which nothing moves for longer than this fails with timeout. Counts
  /// from the next wait on.
  virtual void set_idle_limits(Duration read, Duration write) = 0;
  void set_idle_limit(Duration both) { set_idle_limits(both, both); }
  /// False when the peer has closed, or sent something that nobody has read: for a kept connection that is
  /// about to be used again.
  virtual bool quiet() const = 0;
  /// The peer will send nothing more and all that it sent has been read: most likely it is gone (it may still read).
  virtual bool peer_finished() const = 0;
  /// Bytes that were written and that the peer's machine has not taken yet, where that can be known.
  virtual std::size_t unacknowledged() const { return 0; }
};

}  // namespace holdfast::io
