// The port for randomness: handed in, never taken.
#pragma once

#include "holdfast/core/base/bytes.h"

namespace holdfast {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills with unpredictable bytes; a failing source stops the program.
  virtual void fill(MutableByteView out) = 0;

  Bytes bytes(std::size_t count) {
    Bytes out(count);
    fill(out);
    return out;
  }
  /// Uniform in [0, bound); bound > 0. (Bias below 2^-40 for bounds below 2^24; used for jitter and picks.)
  virtual std::uint64_t below(std::uint64_t bound) {
    std::uint64_t value = 0;
    fill({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    return value % bound;
  }
};

}  // namespace holdfast
