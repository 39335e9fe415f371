// Hexadecimal from outside.
#pragma once

#include <optional>

#include "holdfast/core/base/bytes.h"

namespace holdfast {

/// Nothing for anything but pairs of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace holdfast
