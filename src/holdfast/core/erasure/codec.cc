#include "holdfast/core/erasure/codec.h"

#include <immintrin.h>
#include <isa-l/erasure_code.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <limits>
#include <numeric>

#include "holdfast/core/base/check.h"
#include "holdfast/core/erasure/matrix.h"

namespace holdfast::erasure {
namespace {

constexpr std::size_t kTableBytesPerCoefficient = 32;  // fixed by ISA-L

std::vector<ShareNumber> numbers(std::size_t first, std::size_t end) {
  std::vector<ShareNumber> out(end - first);
  std::iota(out.begin(), out.end(), static_cast<ShareNumber>(first));
  return out;
}

__attribute__((target("avx"))) void zero_upper() {
  _mm256_zeroupper();
}

/// ISA-L returns with the upper halves of the vector registers in use. Code with SHA instructions, which is older, then runs
/// a quarter slower (measured with SHA-256 on a Zen CPU; far worse on others).
void clear_upper_halves() {
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) zero_upper();
}

}  // namespace

CodePlan::CodePlan(std::vector<ShareNumber> given, std::vector<ShareNumber> wanted)
    : given_(std::move(given)), wanted_(std::move(wanted)) {
  HF_CHECK(!given_.empty() && given_.size() <= kSharesMax);
  if (wanted_.empty()) return;
  Bytes matrix = coefficients(given_, wanted_);
  tables_.resize(kTableBytesPerCoefficient * matrix.size());
  ec_init_tables(static_cast<int>(given_.size()), static_cast<int>(wanted_.size()), matrix.data(), tables_.data());
}

void CodePlan::run(BlocksIn in, BlocksOut out, std::size_t block_bytes) const {
  HF_CHECK(in.size() == given_.size() && out.size() == wanted_.size());
  HF_CHECK(block_bytes <= std::size_t{std::numeric_limits<int>::max()});
  if (out.empty() || block_bytes == 0) return;
  // ISA-L writes to none of the inputs or tables; its parameters merely lack the const.
  ec_encode_data(static_cast<int>(block_bytes), static_cast<int>(in.size()), static_cast<int>(out.size()),
                 const_cast<unsigned char*>(tables_.data()), const_cast<unsigned char**>(in.data()),
                 const_cast<unsigned char**>(out.data()));
  clear_upper_halves();
}

Codec::Codec(std::size_t k, std::size_t n) : k_(k), n_(n), check_plan_(numbers(0, k), numbers(k, n)) {}

Result<Codec> Codec::create(std::size_t k, std::size_t n) {
  if (k < 1 || k > n || n > kSharesMax)
    return fail(Errc::malformed, "shares needed and made must be 1 <= k <= N <= 256");
  return Codec(k, n);
}

void Codec::encode(BlocksIn primary, BlocksOut check, std::size_t block_bytes) const {
  check_plan_.run(primary, check, block_bytes);
}

Result<void> Codec::check_wanted(std::span<const ShareNumber> wanted) const {
  for (ShareNumber share : wanted) {
    if (share >= n_) return fail(Errc::malformed, "a share number that the file does not have");
  }
  return {};
}

Result<void> Codec::check_given(std::span<const ShareNumber> given) const {
  if (given.size() != k_) {
    return fail(Errc::not_enough_shares,
                "decoding takes exactly " + std::to_string(k_) + " shares, not " + std::to_string(given.size()));
  }
  HF_TRY_VOID(check_wanted(given));
  std::bitset<kSharesMax> seen;
  for (ShareNumber share : given) {
    if (seen[share]) return fail(Errc::malformed, "the same share twice");
    seen[share] = true;
  }
  return {};
}

Result<CodePlan> Codec::plan_encode(std::span<const ShareNumber> wanted) const {
  HF_TRY_VOID(check_wanted(wanted));
  return CodePlan(numbers(0, k_), {wanted.begin(), wanted.end()});
}

Result<CodePlan> Codec::plan_decode(std::span<const ShareNumber> given) const {
  HF_TRY_VOID(check_given(given));
  std::vector<ShareNumber> missing = numbers(0, k_);
  std::erase_if(missing, [&](ShareNumber share) { return std::ranges::find(given, share) != given.end(); });
  return CodePlan({given.begin(), given.end()}, std::move(missing));
}

Result<CodePlan> Codec::plan_convert(std::span<const ShareNumber> given, std::span<const ShareNumber> wanted) const {
  HF_TRY_VOID(check_given(given));
  HF_TRY_VOID(check_wanted(wanted));
  return CodePlan({given.begin(), given.end()}, {wanted.begin(), wanted.end()});
}

Result<void> Codec::decode(const Given& given, BlocksOut primary, std::size_t block_bytes) const {
  HF_CHECK(given.blocks.size() == given.shares.size() && primary.size() == k_);
  HF_TRY(const CodePlan plan, plan_decode(given.shares));
  std::vector<std::uint8_t*> missing;
  for (ShareNumber share : plan.wanted()) missing.push_back(primary[share]);
  plan.run(given.blocks, missing, block_bytes);
  for (std::size_t i = 0; i < k_; ++i) {
    if (given.shares[i] >= k_) continue;
    std::uint8_t* const out = primary[given.shares[i]];
    if (out != given.blocks[i] && block_bytes > 0) std::memcpy(out, given.blocks[i], block_bytes);
  }
  return {};
}

}  // namespace holdfast::erasure
