// Two interleaved streams of the SHA instructions (Intel SDM, SHA256RNDS2 and friends).
#include <immintrin.h>

#include "holdfast/core/crypto/sha256_kernels.h"

#define HF_SHA_NI __attribute__((target("sha,sse4.1"))) static inline

namespace holdfast::crypto {
namespace {

/// The instructions want the eight words as (A B E F) and (C D G H), highest first.
struct State {
  __m128i abef, cdgh;
};

HF_SHA_NI State load_state(const std::uint32_t* words) {
  const __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words)), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(words + 4)), 0x1B);
  return {_mm_alignr_epi8(abcd, efgh, 8), _mm_blend_epi16(efgh, abcd, 0xF0)};
}

HF_SHA_NI void store_state(const State& state, std::uint32_t* words) {
  const __m128i feba = _mm_shuffle_epi32(state.abef, 0x1B), dchg = _mm_shuffle_epi32(state.cdgh, 0xB1);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words), _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

HF_SHA_NI __m128i load_words(const std::uint8_t* at) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)), big_endian);
}

HF_SHA_NI void four_rounds(State& state, __m128i words, std::size_t round) {
  const __m128i constants = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kSha256RoundConstants.data() + round));
  const __m128i sum = _mm_add_epi32(words, constants);
  state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, sum);
  state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32(sum, 0x0E));
}

/// W[t..t+3] from the sixteen words before.
HF_SHA_NI __m128i next_words(__m128i w0, __m128i w1, __m128i w2, __m128i w3) {
  const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
  return _mm_sha256msg2_epu32(sum, w3);
}

}  // namespace

__attribute__((target("sha,sse4.1"))) void compress_two_sha_ni(Sha256Lane a, Sha256Lane b, std::size_t blocks) {
  State x = load_state(a.state), y = load_state(b.state);
  for (; blocks > 0; --blocks, a.blocks += 64, b.blocks += 64) {
    const State x_before = x, y_before = y;
    __m128i u[4], v[4];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) {
      u[i] = load_words(a.blocks + 16 * i);
      v[i] = load_words(b.blocks + 16 * i);
      four_rounds(x, u[i], 4 * i);
      four_rounds(y, v[i], 4 * i);
    }
#pragma GCC unroll 12
    for (std::size_t i = 4; i < 16; ++i) {
      u[i % 4] = next_words(u[i % 4], u[(i + 1) % 4], u[(i + 2) % 4], u[(i + 3) % 4]);
      v[i % 4] = next_words(v[i % 4], v[(i + 1) % 4], v[(i + 2) % 4], v[(i + 3) % 4]);
      four_rounds(x, u[i % 4], 4 * i);
      four_rounds(y, v[i % 4], 4 * i);
    }
    x = {_mm_add_epi32(x.abef, x_before.abef), _mm_add_epi32(x.cdgh, x_before.cdgh)};
    y = {_mm_add_epi32(y.abef, y_before.abef), _mm_add_epi32(y.cdgh, y_before.cdgh)};
  }
  store_state(x, a.state);
  store_state(y, b.state);
}

}  // namespace holdfast::crypto
