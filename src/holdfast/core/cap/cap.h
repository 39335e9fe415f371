// Capabilities as text: one closed variant (specs of immutable files, 3.1).
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "holdfast/core/cap/immutable_cap.h"

namespace holdfast::cap {

using Cap = std::variant<ChkReadCap, ChkVerifyCap, LitCap, UnknownCap>;

/// Strict; strip white space before. Never fails: what does not match exactly becomes an UnknownCap,
/// verbatim. One leading "ro." or "imm." is dropped from what is understood. Linear in the length, which the
/// caller bounds.
Cap parse_cap(std::string_view text);

/// The canonical text: parse_cap(to_string(cap)) == cap for every parsed cap, and for every made one with
/// 1 <= k <= n <= 256.
std::string to_string(const Cap& cap);

/// "CHK", "CHK-Verifier", "LIT", "DIR2-CHK", "DIR2-CHK-Verifier", "DIR2-LIT", "unknown". Safe to log, unlike
/// a cap.
std::string_view kind_of(const Cap& cap);

}  // namespace holdfast::cap
