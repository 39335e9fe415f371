#include "holdfast/core/protocol/digest_fields.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

const std::string kHello = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";

TEST(DigestFields, S2_12_TheStrongestKnownOneCounts) {
  ASSERT_TRUE(parse_digest_field(kHello).has_value());
  EXPECT_EQ(parse_digest_field(kHello)->algorithm, "sha-256");
  EXPECT_EQ(format_digest_field(parse_digest_field(kHello)->digest), kHello);
  EXPECT_EQ(parse_digest_field("unixsum=:AAA=:, " + kHello + ";q=1")->digest.size(), 32U);
  EXPECT_FALSE(parse_digest_field("unixsum=:AAA=:").has_value());
  EXPECT_FALSE(parse_digest_field("sha-256=:AAA=:").has_value()) << "too short for what it says";
}

TEST(DigestFields, S2_12_WhatIsNoDictionarySaysNothing) {
  for (const std::string& bad : {std::string(), std::string("sha-256"), std::string("sha-256=abc"), kHello + " x",
                                 kHello + ",junk", std::string("sha-256=:!:"), std::string(5000, ',')})
    EXPECT_FALSE(parse_digest_field(bad).has_value()) << bad.substr(0, 40);
}

TEST(DigestFields, WantingHasWeights) {
  EXPECT_TRUE(wants_sha256("sha-512=3, sha-256=10"));
  EXPECT_TRUE(wants_sha256("SHA-256"));
  EXPECT_FALSE(wants_sha256("sha-256=0"));
  EXPECT_FALSE(wants_sha256("sha-512=3"));
}

}  // namespace
}  // namespace holdfast::protocol
