#include "holdfast/node/storage/lease_expiry.h"

#include "holdfast/node/storage/share_container.h"

namespace holdfast::storage {
namespace {

// No lease is older than the format. Such a date was given by a machine that did not know the time.
constexpr std::int64_t kFirstLeases = 1'136'073'600;  // 2006-01-01

}  // namespace

bool lease_has_ended(const ExpiryPolicy& policy, std::uint32_t expires, std::int64_t now) {
  const std::int64_t renewed = std::int64_t{expires} - kLeaseSeconds;
  if (!policy.enabled || renewed < kFirstLeases || renewed >= now) return false;
  if (policy.mode == ExpiryPolicy::Mode::cutoff_date) return policy.cutoff_wall <= now && renewed < policy.cutoff_wall;
  const auto age = static_cast<std::uint64_t>(now - renewed);
  return age > policy.lease_seconds.value_or(kLeaseSeconds);
}

}  // namespace holdfast::storage
