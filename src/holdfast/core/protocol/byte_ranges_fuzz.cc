// Whatever is asked for: parts lie within the file, in order, apart from each other, and few.
#include "holdfast/core/protocol/byte_ranges.h"

#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t length) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view field = text_of({data, length});
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{5120}, ~std::uint64_t{0}}) {
    const RangeChoice choice = choose_ranges(field, size);
    HF_CHECK((choice.kind == RangeChoice::Kind::parts) == !choice.parts.empty());
    HF_CHECK(choice.parts.size() <= kRangePartsMax);
    HF_CHECK(size > 0 || choice.kind != RangeChoice::Kind::parts);
    for (std::size_t i = 0; i < choice.parts.size(); ++i) {
      const Range& part = choice.parts[i];
      HF_CHECK(!part.empty() && part.end <= size);
      HF_CHECK(i == 0 || part.begin - choice.parts[i - 1].end >= kRangeGapBytes);
    }
    if (choice.kind != RangeChoice::Kind::parts) continue;
    std::string again = "bytes=";
    for (const Range& part : choice.parts)
      again += std::to_string(part.begin) + "-" + std::to_string(part.end - 1) + ",";
    HF_CHECK(choose_ranges(again, size) == choice);
  }
  return 0;
}
