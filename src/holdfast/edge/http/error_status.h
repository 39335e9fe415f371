// What our errors are called in HTTP.
#pragma once

#include "holdfast/core/base/result.h"

namespace holdfast::http {

/// Where a protocol has no word of its own for it.
unsigned status_of(Errc code);

}  // namespace holdfast::http
