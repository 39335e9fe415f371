// The real source of randomness. Only main creates one; everybody else is handed a Random.
#pragma once

#include "holdfast/core/base/random.h"

namespace holdfast::crypto {

class SystemRandom final : public Random {
 public:
  void fill(MutableByteView out) override;
};

}  // namespace holdfast::crypto
