// Bytes that must not leak: wiped when dropped, compared in constant time, not printable.
#pragma once

#include "holdfast/core/base/bytes.h"

namespace holdfast {

/// Overwrites memory in a way the compiler does not remove.
void wipe(MutableByteView bytes);

class Secret {
 public:
  Secret() = default;
  explicit Secret(ByteView bytes) : bytes_(to_bytes(bytes)) {}
  explicit Secret(Bytes&& bytes) : bytes_(std::move(bytes)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {}
  Secret& operator=(Secret other) noexcept {
    bytes_.swap(other.bytes_);
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  /// The bytes themselves. Do not copy them, do not log them.
  ByteView reveal() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  friend bool operator==(const Secret& a, const Secret& b) { return equal_constant_time(a.bytes_, b.bytes_); }

 private:
  Bytes bytes_;
};

}  // namespace holdfast
