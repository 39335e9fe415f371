#include "holdfast/core/resume/draft_rules.h"

#include <gtest/gtest.h>

namespace holdfast::resume {
namespace {

TEST(DraftRules, AreThereForTheVersionsThatAreSpoken) {
  for (const std::uint64_t unknown : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{11}, ~std::uint64_t{0}})
    EXPECT_FALSE(draft_rules(unknown).has_value()) << unknown;
  // Each rule, by the first version that has it otherwise than the one before (resumable-upload.md 2.3).
  const auto rules_text = [](unsigned version) {
    const DraftRules rules = draft_rules(version).value();
    EXPECT_EQ(rules.version, version);
    EXPECT_FALSE(rules.rfc_mode);
    std::string out = std::to_string(rules.stored_status());
    for (const auto& [set, name] : {std::pair{rules.says_incomplete(), " incomplete"},
                                    {rules.absent_means_complete(), " absent-is-complete"},
                                    {rules.wants_media_type(), " media-type"},
                                    {rules.refuses_fields_on_query(), " strict-query"},
                                    {rules.allows_get(), " get"},
                                    {rules.progress_offsets(), " progress"},
                                    {rules.completed_is_400(), " completed-is-400"}})
      if (set) out += name;
    return out;
  };
  EXPECT_EQ(rules_text(3), "201 incomplete absent-is-complete strict-query completed-is-400");
  for (const unsigned version : {4u, 5u})
    EXPECT_EQ(rules_text(version), "201 absent-is-complete strict-query progress completed-is-400");
  EXPECT_EQ(rules_text(6), "201 absent-is-complete media-type strict-query progress completed-is-400");
  EXPECT_EQ(rules_text(7), "204 media-type progress completed-is-400");
  EXPECT_EQ(rules_text(8), "204 media-type get progress completed-is-400");
  for (const unsigned version : {9u, 10u}) EXPECT_EQ(rules_text(version), "204 media-type get progress");
}

}  // namespace
}  // namespace holdfast::resume
