// The encryption key of an immutable file: whoever has it can read.
#pragma once

#include "holdfast/core/base/ids.h"

namespace holdfast::cap {

using Key = FixedBytes<16, struct KeyTag>;

}  // namespace holdfast::cap
