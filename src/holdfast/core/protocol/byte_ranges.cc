#include "holdfast/core/protocol/byte_ranges.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

/// Digits of any number; what is larger than any file is as good as the largest.
std::optional<std::uint64_t> parse_saturating(std::string_view digits) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
  }
  return value;
}

/// One of "a-b", "a-", "-n", clipped to the file; empty when it asks for nothing that is there. Nothing: a syntax error.
std::optional<Range> parse_spec(std::string_view spec, std::uint64_t size) {
  const std::size_t dash = spec.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first_text = spec.substr(0, dash), last_text = spec.substr(dash + 1);
  if (first_text.empty()) {
    const auto count = parse_saturating(last_text);
    if (!count) return std::nullopt;
    return Range{size - std::min(*count, size), size};
  }
  const auto first = parse_saturating(first_text);
  if (!first) return std::nullopt;
  if (last_text.empty()) return Range{std::min(*first, size), size};
  const auto last = parse_saturating(last_text);
  if (!last || *last < *first) return std::nullopt;
  return *first >= size ? Range{size, size} : Range{*first, std::min(*last, size - 1) + 1};
}

/// Ascending; those that overlap or nearly touch become one.
std::vector<Range> coalesced(std::vector<Range> ranges) {
  std::ranges::sort(ranges, {}, &Range::begin);
  std::vector<Range> out;
  for (const Range& range : ranges) {
    if (!out.empty() && (range.begin <= out.back().end || range.begin - out.back().end < kRangeGapBytes)) {
      out.back().end = std::max(out.back().end, range.end);
    } else {
      out.push_back(range);
    }
  }
  return out;
}

}  // namespace

RangeChoice choose_ranges(std::string_view field, std::uint64_t size) {
  std::string_view rest = trim(field);
  const std::string_view unit = trim(take_until(rest, '='));
  if (!same_ignoring_case(unit, "bytes")) return {};
  std::vector<Range> ranges;
  bool any = false;
  while (!rest.empty()) {
    const std::string_view spec = trim(take_until(rest, ','));
    if (spec.empty()) continue;  // a list may have empty elements
    const auto range = parse_spec(spec, size);
    if (!range) return {};
    any = true;
    if (!range->empty()) ranges.push_back(*range);
  }
  if (!any) return {};
  ranges = coalesced(std::move(ranges));
  if (ranges.empty() || ranges.size() > kRangePartsMax) return {RangeChoice::Kind::unsatisfiable, {}};
  return {RangeChoice::Kind::parts, std::move(ranges)};
}

}  // namespace holdfast::protocol
