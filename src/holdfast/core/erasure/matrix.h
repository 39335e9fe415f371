// zfec's code as coefficients (specs of immutable files, 7).
//
// The k primary blocks are the values of a polynomial of degree below k over GF(2^8) (0x11d) at the points
// x_0 .. x_{k-1}, where x_0 = 0 and x_r = 2^(r-1); block r is its value at x_r. So any k blocks determine any
// other block by Lagrange's formula, and one function serves encoding, decoding and repair, without inverting
// a matrix.
#pragma once

#include <cstdint>
#include <span>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"

namespace holdfast::erasure {

/// Row-major coefficients, wanted.size() rows of given.size() columns: block wanted[r] = sum over c of
/// coefficient[r][c] * block given[c]. The given numbers are distinct; all are below 256.
Bytes coefficients(std::span<const ShareNumber> given, std::span<const ShareNumber> wanted);

/// The n x k encoding matrix; its first k rows are the identity. Row r does not depend on n.
Bytes encoding_matrix(std::size_t k, std::size_t n);

}  // namespace holdfast::erasure
