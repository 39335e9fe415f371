// SHA-256 compression of several messages at once, one file for each kind of CPU; chosen at run time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace holdfast::crypto {

/// One message: its running state (8 words, updated in place) and where its next whole blocks of 64 bytes are.
struct Sha256Lane {
  std::uint32_t* state;
  const std::uint8_t* blocks;
};

struct alignas(4) CpuFeatures {   // one word, for an atomic
  bool sha_ni = false;            // with SSE4.1
  bool avx512 = false;            // F and BW, enabled by the system
  bool lanes_beat_pairs = false;  // where there are both: two SHA streams keep its unit no busier than one (Intel)
};
/// Asked of the CPU once. A test may hide some: `limit` is combined with what is there until the next call.
CpuFeatures cpu_features();
void limit_cpu_features(CpuFeatures limit);

/// Two messages interleaved hide the latency of the SHA instructions: nearly twice the rate of one on Zen, 1.2 times on Intel.
void compress_two_sha_ni(Sha256Lane a, Sha256Lane b, std::size_t blocks);

inline constexpr std::size_t kAvx512Lanes = 16;
/// Sixteen messages, a word of each in a register.
void compress_sixteen_avx512(const std::array<Sha256Lane, kAvx512Lanes>& lanes, std::size_t blocks);

/// FIPS 180-4, 4.2.2.
extern const std::array<std::uint32_t, 64> kSha256RoundConstants;

}  // namespace holdfast::crypto
