#include "holdfast/core/immutable/geometry.h"

#include <algorithm>
#include <string>

namespace holdfast::immutable {
namespace {

// Three trees of 64 bytes a segment and the blocks must stay below 2^63: sizes below 2^56 are far inside.
constexpr std::uint64_t kSizeMax = std::uint64_t{1} << 56;

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}

}  // namespace

Result<Params> make_params(unsigned k, unsigned n, std::uint64_t size, std::uint64_t segment_bytes_max) {
  if (k < 1 || k > n || n > kSharesMax) return fail(Errc::malformed, "shares must satisfy 1 <= k <= N <= 256");
  if (size < 1 || size > kSizeMax)
    return fail(Errc::malformed, "a file of " + std::to_string(size) + " bytes cannot be encoded");
  if (segment_bytes_max < 1 || segment_bytes_max > kSegmentBytesMax) {
    return fail(Errc::malformed, "a segment has 1 byte to 128 MiB");
  }
  return Params{k, n, size, ceil_div(std::min(segment_bytes_max, size), k) * k};
}

Result<Geometry> Geometry::create(const Params& params) {
  if (params.k < 1 || params.k > params.n || params.n > kSharesMax) {
    return fail(Errc::malformed, "shares must satisfy 1 <= k <= N <= 256");
  }
  if (params.size < 1 || params.size > kSizeMax) return fail(Errc::malformed, "a file size that cannot be");
  // The effective size may exceed the maximum by up to k-1.
  if (params.segment_size < 1 || params.segment_size % params.k != 0 ||
      params.segment_size > kSegmentBytesMax + kSharesMax) {
    return fail(Errc::malformed, "a segment size that cannot be");
  }
  return Geometry(params);
}

Geometry::Geometry(const Params& params) : params_(params) {
  num_segments_ = ceil_div(params.size, params.segment_size);
  const std::uint64_t rest = params.size % params.segment_size;
  tail_size_ = rest == 0 ? params.segment_size : rest;
  block_size_ = params.segment_size / params.k;
  tail_block_ = ceil_div(tail_size_, params.k);
}

}  // namespace holdfast::immutable
