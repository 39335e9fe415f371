// How long an answer may take in all, by the bytes that it has to do with. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "holdfast/edge/io/loop.h"

namespace holdfast::grid {

/// `at_once`, and a second more for each `bytes_a_second` of `bytes`; never more than `most`.
constexpr io::Duration answer_limit(io::Duration at_once, std::uint64_t bytes, std::uint64_t bytes_a_second,
                                    io::Duration most) {
  const auto most_seconds = static_cast<std::uint64_t>(most / std::chrono::seconds(1));
  const std::uint64_t seconds = std::min(bytes / bytes_a_second, most_seconds);
  return std::min(most, at_once + std::chrono::seconds(seconds));
}

}  // namespace holdfast::grid
