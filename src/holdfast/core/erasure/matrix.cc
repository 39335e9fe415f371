#include "holdfast/core/erasure/matrix.h"

#include <array>
#include <numeric>
#include <vector>

#include "holdfast/core/base/check.h"

namespace holdfast::erasure {
namespace {

constexpr unsigned kPolynomial = 0x11d;
constexpr unsigned kOrder = 255;  // of the multiplicative group

struct Field {
  std::array<std::uint8_t, kOrder> power{};  // 2^i
  std::array<std::uint8_t, 256> log{};       // of 0: unused
};

constexpr Field make_field() {
  Field field;
  unsigned value = 1;
  for (unsigned i = 0; i < kOrder; ++i) {
    field.power[i] = static_cast<std::uint8_t>(value);
    field.log[value] = static_cast<std::uint8_t>(i);
    value <<= 1;
    if (value > 255) value ^= kPolynomial;
  }
  return field;
}

constexpr Field kField = make_field();

unsigned point_of(ShareNumber share) {
  return share == 0 ? 0 : kField.power[share - 1u];
}

// The logarithm of the product of all (at XOR point), leaving out those that are zero.
unsigned log_of_product(unsigned at, const std::vector<unsigned>& points) {
  unsigned sum = 0;
  for (unsigned point : points) {
    if (point != at) sum += kField.log[at ^ point];
  }
  return sum % kOrder;
}

}  // namespace

Bytes coefficients(std::span<const ShareNumber> given, std::span<const ShareNumber> wanted) {
  std::vector<unsigned> points;
  for (ShareNumber share : given) {
    HF_CHECK(share < kSharesMax);
    points.push_back(point_of(share));
  }
  std::vector<unsigned> log_below;
  log_below.reserve(points.size());
  for (unsigned point : points) log_below.push_back(log_of_product(point, points));

  Bytes out;
  out.reserve(given.size() * wanted.size());
  for (ShareNumber share : wanted) {
    HF_CHECK(share < kSharesMax);
    const unsigned at = point_of(share);
    const unsigned log_above = log_of_product(at, points);
    bool is_given = false;
    for (unsigned point : points) is_given = is_given || point == at;
    for (std::size_t c = 0; c < points.size(); ++c) {
      if (is_given) {
        out.push_back(points[c] == at ? 1 : 0);
      } else {
        const unsigned log = log_above + 2 * kOrder - kField.log[at ^ points[c]] - log_below[c];
        out.push_back(kField.power[log % kOrder]);
      }
    }
  }
  return out;
}

Bytes encoding_matrix(std::size_t k, std::size_t n) {
  HF_CHECK(k >= 1 && k <= n && n <= kSharesMax);
  std::vector<ShareNumber> shares(n);
  std::iota(shares.begin(), shares.end(), ShareNumber{0});
  return coefficients(std::span(shares).first(k), shares);
}

}  // namespace holdfast::erasure
