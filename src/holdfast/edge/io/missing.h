// For what is to be gone: that it was gone already is no failure.
#pragma once

#include "holdfast/core/base/result.h"

namespace holdfast::io {

inline Result<void> fine_if_missing(Result<void> result) {
  if (!result && result.error().code == Errc::not_found) return {};
  return result;
}

}  // namespace holdfast::io
