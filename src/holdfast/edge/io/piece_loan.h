// How much of a body is in memory at once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace holdfast::io {

/// The size of one piece of a body, for as long as it is in memory. Large while few are lent; small when a crowd that reads or
/// writes slowly holds many, so that a thousand of them cost megabytes, and who is quick still goes on.
class PieceLoan {
 public:
  static constexpr std::uint64_t kLargeBytes = 512 * 1024, kSmallBytes = 16 * 1024, kLargeLentMax = 64 * 1'048'576;

  PieceLoan(std::uint64_t& lent, std::uint64_t wanted)
      : lent_(lent), bytes_(std::min(wanted, lent < kLargeLentMax ? kLargeBytes : kSmallBytes)) {
    lent_ += bytes_;
  }
  PieceLoan(const io::PieceLoan&) = delete;
  ~PieceLoan() { lent_ -= bytes_; }

  std::size_t bytes() const { return bytes_; }

 private:
  std::uint64_t& lent_;
  const std::uint64_t bytes_;
};

}  // namespace holdfast::io
