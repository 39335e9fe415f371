// Lists of tags, whatever they hold: what stands in a list as a whole member is found.
#include "holdfast/core/protocol/preconditions.h"

#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view field = text_of({data, size});
  constexpr std::string_view kTag = "\"c-abc\"", kFormer = "si-";
  const Precondition alone = judge({{}, {field}}, kTag, kFormer);
  HF_CHECK(alone != Precondition::failed);
  const std::string behind = std::string(kTag) + ", " + std::string(field);
  HF_CHECK(judge({{}, {behind}}, kTag, kFormer) == Precondition::not_modified);
  HF_CHECK(judge({{behind}, {}}, kTag, kFormer) == Precondition::holds);
  HF_CHECK(judge({{field, kTag}, {}}, kTag, kFormer) == Precondition::holds);
  // What is strong enough for If-Match is enough for If-None-Match.
  if (judge({{field}, {}}, kTag, kFormer) == Precondition::holds) HF_CHECK(alone == Precondition::not_modified);
  if (range_stands(field, kTag)) HF_CHECK(judge({{field}, {}}, kTag, kFormer) == Precondition::holds);
  return 0;
}
