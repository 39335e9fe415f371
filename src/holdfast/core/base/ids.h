// Strong names for the numbers and hashes that travel through every layer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"

namespace holdfast {

/// N bytes that mean one thing. Tag makes the types distinct.
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t kSize = N;
  std::array<std::uint8_t, N> bytes{};

  static FixedBytes from(ByteView view) {
    HF_CHECK(view.size() == N);
    FixedBytes out;
    std::memcpy(out.bytes.data(), view.data(), N);
    return out;
  }
  ByteView view() const { return bytes; }
  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;  // NOLINT(modernize-use-nullptr)
};

using Hash = FixedBytes<32, struct HashTag>;                  // SHA-256 or SHA256d output
using StorageIndex = FixedBytes<16, struct StorageIndexTag>;  // 26 base32 characters
using TubId = FixedBytes<20, struct TubIdTag>;                // SHA-1 of a certificate's DER
using SpkiHash = FixedBytes<32, struct SpkiHashTag>;          // SHA-256 of a public key's DER

using ShareNumber = std::uint16_t;  // 0..255 in valid shares
using SegmentNumber = std::uint64_t;

inline constexpr std::size_t kSharesMax = 256;

}  // namespace holdfast
