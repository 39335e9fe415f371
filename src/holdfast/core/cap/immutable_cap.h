// The capabilities of immutable files and directories (specs of immutable files, 3).
#pragma once

#include <cstdint>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/cap/key.h"

namespace holdfast::cap {

/// A file of this length or less is a literal; writers must, readers accept any length of both.
inline constexpr std::size_t kLiteralBytesMax = 55;

/// Reads, verifies and repairs. From a parser or a writer: 1 <= k <= n <= 256.
struct ChkReadCap {
  Key key;
  Hash ueb_hash;
  std::uint16_t k = 0;
  std::uint16_t n = 0;
  std::uint64_t size = 0;  // any value parses; whether it can be opened is the reader's question
  bool directory = false;  // the content is a serialised directory: DIR2-CHK
  friend bool operator==(const ChkReadCap&, const ChkReadCap&) = default;
};

/// Verifies and repairs, but cannot decrypt.
struct ChkVerifyCap {
  StorageIndex storage_index;
  Hash ueb_hash;
  std::uint16_t k = 0;
  std::uint16_t n = 0;
  std::uint64_t size = 0;
  bool directory = false;
  friend bool operator==(const ChkVerifyCap&, const ChkVerifyCap&) = default;
};

/// The file itself.
struct LitCap {
  Bytes data;
  bool directory = false;
  friend bool operator==(const LitCap&, const LitCap&) = default;
};

/// A string that is none of those understood here, kept as it is.
struct UnknownCap {
  std::string text;
  friend bool operator==(const UnknownCap&, const UnknownCap&) = default;
};

/// The verify cap of a read cap. There is no way back.
ChkVerifyCap weaken(const ChkReadCap& read);

}  // namespace holdfast::cap
