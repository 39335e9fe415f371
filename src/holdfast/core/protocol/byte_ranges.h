// The Range field of a download (RFC 9110, 14; resumable-upload.md 3.3): which bytes of a file are asked for.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "holdfast/core/base/range_set.h"

namespace holdfast::protocol {

/// More parts than this after coalescing are refused: each costs a header in the answer.
inline constexpr std::size_t kRangePartsMax = 16;
/// Ranges nearer to each other than a part's header is long are one.
inline constexpr std::uint64_t kRangeGapBytes = 80;

struct RangeChoice {
  enum class Kind {
    whole,          // no range that counts: the whole file, 200
    parts,          // 206
    unsatisfiable,  // 416
  };
  Kind kind = Kind::whole;
  std::vector<Range> parts;  // ascending, within the file, kRangeGapBytes or more apart; 1 to kRangePartsMax

  friend bool operator==(const RangeChoice&, const RangeChoice&) = default;
};

/// What "bytes=0-99,-5" chooses of so many bytes. Another unit and a syntax error choose the whole file, as if the field
/// were not there; numbers that do not fit saturate.
RangeChoice choose_ranges(std::string_view field, std::uint64_t size);

}  // namespace holdfast::protocol
