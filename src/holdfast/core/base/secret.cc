#include "holdfast/core/base/secret.h"

namespace holdfast {

void wipe(MutableByteView bytes) {
  volatile std::uint8_t* p = bytes.data();
  for (std::size_t i = 0; i < bytes.size(); ++i) p[i] = 0;
}

}  // namespace holdfast
