// The k-of-N erasure code on blocks: our matrix, Intel ISA-L's kernels.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::erasure {

/// The k blocks to compute from, in the order of their share numbers.
using BlocksIn = std::span<const std::uint8_t* const>;
using BlocksOut = std::span<std::uint8_t* const>;

/// Computes certain blocks from k certain others, for as many segments as wanted. A value of about 32 * k
/// bytes per wanted block; const methods may run in many threads at once.
class CodePlan {
 public:
  /// The numbers are below 256, those given distinct; Codec checks foreign ones.
  CodePlan(std::vector<ShareNumber> given, std::vector<ShareNumber> wanted);

  const std::vector<ShareNumber>& given() const { return given_; }
  const std::vector<ShareNumber>& wanted() const { return wanted_; }

  /// in[i] is the block of share given()[i], out[i] receives that of wanted()[i]; all have block_bytes bytes
  /// (below 2^31) and the outputs overlap nothing.
  void run(BlocksIn in, BlocksOut out, std::size_t block_bytes) const;

 private:
  std::vector<ShareNumber> given_;
  std::vector<ShareNumber> wanted_;
  Bytes tables_;  // ISA-L's expansion of the coefficients
};

/// One k and N. A value; const methods may run in many threads at once.
class Codec {
 public:
  /// Errors: malformed unless 1 <= k <= n <= 256.
  static Result<Codec> create(std::size_t k, std::size_t n);

  std::size_t k() const { return k_; }
  std::size_t n() const { return n_; }

  /// Fills check[i] with block k+i, for all n-k of them.
  void encode(BlocksIn primary, BlocksOut check, std::size_t block_bytes) const;

  /// For encoding chosen blocks only (primary ones come out as copies). Errors: malformed for a number not
  /// below n.
  Result<CodePlan> plan_encode(std::span<const ShareNumber> wanted) const;

  /// For segments of which the blocks of these shares are at hand, in this order. The plan's wanted() are the
  /// missing primary blocks, ascending. Errors: not_enough_shares unless there are exactly k (others can be
  /// left out); malformed for a number not below n, or twice the same.
  Result<CodePlan> plan_decode(std::span<const ShareNumber> given) const;

  /// As plan_decode, but towards any blocks, primary or check: what a repairer needs.
  Result<CodePlan> plan_convert(std::span<const ShareNumber> given, std::span<const ShareNumber> wanted) const;

  /// All primary blocks of one segment: primary[j] receives block j; a block that is among the given ones is
  /// copied, or left alone when it is in place already. Errors as plan_decode.
  struct Given {
    std::span<const ShareNumber> shares;
    BlocksIn blocks;
  };
  Result<void> decode(const Given& given, BlocksOut primary, std::size_t block_bytes) const;

 private:
  Codec(std::size_t k, std::size_t n);
  Result<void> check_wanted(std::span<const ShareNumber> wanted) const;
  Result<void> check_given(std::span<const ShareNumber> given) const;

  std::size_t k_;
  std::size_t n_;
  CodePlan check_plan_;
};

}  // namespace holdfast::erasure
