#include "holdfast/core/resume/draft_rules.h"

namespace holdfast::resume {

std::optional<DraftRules> draft_rules(std::uint64_t interop_version) {
  if (interop_version < kInteropOldest || interop_version > kInteropNewest) return std::nullopt;
  return DraftRules{static_cast<unsigned>(interop_version), false};
}

}  // namespace holdfast::resume
