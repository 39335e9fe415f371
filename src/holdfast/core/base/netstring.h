// Netstrings: decimal length, ':', the bytes, ',' (specs of immutable files, 1.1).
#pragma once

#include <cstddef>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast {

void append_netstring(Bytes& out, ByteView value);
Bytes netstring(ByteView value);

/// Takes netstrings and delimited words off the front of foreign bytes, strictly: no leading zeros, no length
/// above what is left. Views point into the bytes given, which must outlive them. An error leaves the reader
/// where it was.
class NetstringReader {
 public:
  explicit NetstringReader(ByteView bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

  /// The next netstring's value. Errors: malformed, also for values longer than value_bytes_max.
  Result<ByteView> next(std::size_t value_bytes_max);

  /// The bytes before the next `end` (which is taken as well), for formats that mix words with netstrings.
  /// Errors: malformed when `end` does not follow within word_bytes_max bytes.
  Result<ByteView> next_until(char end, std::size_t word_bytes_max);

 private:
  ByteView rest_;
};

}  // namespace holdfast
