// Sixteen messages side by side: each register holds one word of all of them.
#include <immintrin.h>

#include "holdfast/core/crypto/sha256_kernels.h"

#define HF_AVX512 __attribute__((target("avx512f,avx512bw"))) static inline

namespace holdfast::crypto {
namespace {

constexpr std::size_t kLanes = kAvx512Lanes;
constexpr int kXor3 = 0x96, kChoose = 0xCA, kMajority = 0xE8;  // truth tables of vpternlogd

HF_AVX512 __m512i add(__m512i a, __m512i b) {
  return _mm512_add_epi32(a, b);
}
HF_AVX512 __m512i xor3(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi32(a, b, c, kXor3);
}

HF_AVX512 __m512i big_sigma_0(__m512i x) {
  return xor3(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22));
}
HF_AVX512 __m512i big_sigma_1(__m512i x) {
  return xor3(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25));
}
HF_AVX512 __m512i small_sigma_0(__m512i x) {
  return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}
HF_AVX512 __m512i small_sigma_1(__m512i x) {
  return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

/// Row i, word j becomes row j, word i.
HF_AVX512 void transpose(__m512i (&r)[kLanes]) {
  __m512i t[kLanes];
  for (std::size_t i = 0; i < kLanes; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (std::size_t i = 0; i < kLanes; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // Now quarter q of r[4g + c] has word 4q + c of rows 4g to 4g + 3: the quarters are moved as units.
  for (std::size_t c = 0; c < 4; ++c) {
    const __m512i low_a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x44),
                  low_b = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x44);
    const __m512i high_a = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xEE),
                  high_b = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xEE);
    t[c] = _mm512_shuffle_i32x4(low_a, low_b, 0x88);
    t[4 + c] = _mm512_shuffle_i32x4(low_a, low_b, 0xDD);
    t[8 + c] = _mm512_shuffle_i32x4(high_a, high_b, 0x88);
    t[12 + c] = _mm512_shuffle_i32x4(high_a, high_b, 0xDD);
  }
  for (std::size_t i = 0; i < kLanes; ++i) r[i] = t[i];
}

HF_AVX512 void load_words(const std::array<Sha256Lane, kLanes>& lanes, std::size_t offset, __m512i (&words)[kLanes]) {
  const __m512i big_endian = _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203);
  for (std::size_t i = 0; i < kLanes; ++i) {
    words[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(lanes[i].blocks + offset), big_endian);
  }
  transpose(words);
}

/// a to h, as the registers of one round; the next round finds them renamed.
HF_AVX512 void one_round(__m512i (&s)[8], std::size_t round, __m512i word) {
  const __m512i constant = _mm512_set1_epi32(static_cast<int>(kSha256RoundConstants[round]));
  const std::size_t at = 64 - round;  // s[(at + i) % 8] is variable i
  __m512i &d = s[(at + 3) % 8], &h = s[(at + 7) % 8];
  const __m512i a = s[at % 8], b = s[(at + 1) % 8], c = s[(at + 2) % 8];
  const __m512i e = s[(at + 4) % 8], f = s[(at + 5) % 8], g = s[(at + 6) % 8];
  const __m512i t1 = add(add(add(h, big_sigma_1(e)), add(constant, word)), _mm512_ternarylogic_epi32(e, f, g, kChoose));
  d = add(d, t1);
  h = add(t1, add(big_sigma_0(a), _mm512_ternarylogic_epi32(a, b, c, kMajority)));
}

}  // namespace

__attribute__((target("avx512f,avx512bw"))) void compress_sixteen_avx512(const std::array<Sha256Lane, kLanes>& lanes,
                                                                         std::size_t blocks) {
  alignas(64) std::uint32_t gathered[8][kLanes];
  __m512i state[8];
  for (std::size_t word = 0; word < 8; ++word) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) gathered[word][lane] = lanes[lane].state[word];
    state[word] = _mm512_load_si512(gathered[word]);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    __m512i w[kLanes], s[8];
    load_words(lanes, block * 64, w);
    for (std::size_t i = 0; i < 8; ++i) s[i] = state[i];
#pragma GCC unroll 64
    for (std::size_t round = 0; round < 64; ++round) {
      if (round >= 16) {
        const __m512i sum = add(small_sigma_1(w[(round + 14) % 16]), w[(round + 9) % 16]);
        w[round % 16] = add(add(w[round % 16], small_sigma_0(w[(round + 1) % 16])), sum);
      }
      one_round(s, round, w[round % 16]);
    }
    for (std::size_t i = 0; i < 8; ++i) state[i] = add(state[i], s[i]);
  }
  for (std::size_t word = 0; word < 8; ++word) {
    _mm512_store_si512(gathered[word], state[word]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane].state[word] = gathered[word][lane];
  }
  // SHA and SSE code after dirty upper halves is a hundred times slower.
  _mm256_zeroupper();
}

}  // namespace holdfast::crypto
