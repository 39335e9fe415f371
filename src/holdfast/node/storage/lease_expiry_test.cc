#include "holdfast/node/storage/lease_expiry.h"

#include <gtest/gtest.h>

#include "holdfast/node/storage/share_container.h"

namespace holdfast::storage {
namespace {

constexpr std::int64_t kNow = 1'800'000'000, kDay = 86'400;

std::uint32_t renewed_at(std::int64_t wall) {
  return static_cast<std::uint32_t>(wall + kLeaseSeconds);
}

ExpiryPolicy by_age(std::optional<std::uint64_t> seconds = std::nullopt) {
  ExpiryPolicy policy;
  policy.enabled = true;
  policy.lease_seconds = seconds;
  return policy;
}
ExpiryPolicy by_date(std::int64_t cutoff) {
  ExpiryPolicy policy;
  policy.enabled = true;
  policy.mode = ExpiryPolicy::Mode::cutoff_date;
  policy.cutoff_wall = cutoff;
  return policy;
}

TEST(LeaseExpiry, IsOffByDefault) {
  EXPECT_FALSE(lease_has_ended(ExpiryPolicy{}, renewed_at(kNow - 1'000 * kDay), kNow));
}

TEST(LeaseExpiry, ByAgeALeaseLasts31DaysOrWhatTheOperatorSays) {
  EXPECT_FALSE(lease_has_ended(by_age(), renewed_at(kNow - 31 * kDay), kNow));
  EXPECT_TRUE(lease_has_ended(by_age(), renewed_at(kNow - 31 * kDay - 1), kNow));
  EXPECT_FALSE(lease_has_ended(by_age(60 * kDay), renewed_at(kNow - 60 * kDay), kNow));
  EXPECT_TRUE(lease_has_ended(by_age(60 * kDay), renewed_at(kNow - 60 * kDay - 1), kNow));
  EXPECT_TRUE(lease_has_ended(by_age(7 * kDay), renewed_at(kNow - 8 * kDay), kNow));
  EXPECT_FALSE(lease_has_ended(by_age(~std::uint64_t{0}), renewed_at(kNow - 8'000 * kDay), kNow));
}

TEST(LeaseExpiry, ByDateALeaseEndsWhenItWasRenewedBeforeAndThatDayHasCome) {
  const std::int64_t cutoff = kNow - 5 * kDay;
  EXPECT_TRUE(lease_has_ended(by_date(cutoff), renewed_at(cutoff - 1), kNow));
  EXPECT_FALSE(lease_has_ended(by_date(cutoff), renewed_at(cutoff), kNow));
  EXPECT_FALSE(lease_has_ended(by_date(kNow + 1), renewed_at(kNow - 100 * kDay), kNow));
}

TEST(LeaseExpiry, DatesThatCannotBeEndNothing) {
  for (const ExpiryPolicy& policy : {by_age(), by_age(0), by_date(kNow)}) {
    EXPECT_FALSE(lease_has_ended(policy, 0, kNow));
    EXPECT_FALSE(lease_has_ended(policy, renewed_at(30 * kDay), kNow)) << "given in 1970";
    EXPECT_FALSE(lease_has_ended(policy, renewed_at(kNow), kNow));
    EXPECT_FALSE(lease_has_ended(policy, 0xffff'ffff, kNow));
    EXPECT_FALSE(lease_has_ended(policy, renewed_at(kNow - 10 * kDay), 0));
  }
}

}  // namespace
}  // namespace holdfast::storage
