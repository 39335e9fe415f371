#include <gtest/gtest.h>

#include "holdfast/core/base/hex.h"
#include "holdfast/core/base/metrics_text.h"

namespace holdfast {
namespace {

TEST(Hex, IsPairsOfDigitsInEitherCase) {
  EXPECT_EQ(from_hex(""), Bytes());
  EXPECT_EQ(from_hex("00ff10Aa"), (Bytes{0x00, 0xff, 0x10, 0xaa}));
}

TEST(Hex, IsNothingElse) {
  for (const std::string_view text : {"0", "abc", "0g", "g0", " 0", "0x", "-1", "0:", "/0", "@0", "`0"})
    EXPECT_EQ(from_hex(text), std::nullopt) << text;
}

TEST(MetricsText, IsThePrometheusExposition) {
  MetricsText text("holdfast_gateway_");
  text.counter("requests_total", "Requests answered.", 12u);
  text.gauge("free_bytes", "Room left.", std::uint64_t{18'446'744'073'709'551'615u});
  EXPECT_EQ(text.take(),
            "# HELP holdfast_gateway_requests_total Requests answered.\n"
            "# TYPE holdfast_gateway_requests_total counter\n"
            "holdfast_gateway_requests_total 12\n"
            "# HELP holdfast_gateway_free_bytes Room left.\n"
            "# TYPE holdfast_gateway_free_bytes gauge\n"
            "holdfast_gateway_free_bytes 18446744073709551615\n");
}

}  // namespace
}  // namespace holdfast
