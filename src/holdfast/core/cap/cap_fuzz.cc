// Text that is understood has one canonical form, which parses to the same value; other text is kept
// verbatim.
#include "holdfast/core/base/check.h"
#include "holdfast/core/cap/cap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::cap;
  const std::string_view text = text_of({data, size});
  const Cap cap = parse_cap(text);
  const std::string canonical = to_string(cap);
  if (std::holds_alternative<UnknownCap>(cap)) {
    HF_CHECK(canonical == text);
    return 0;
  }
  HF_CHECK(canonical.size() <= text.size());
  HF_CHECK(parse_cap(canonical) == cap);
  HF_CHECK(to_string(parse_cap(canonical)) == canonical);
  if (const auto* read = std::get_if<ChkReadCap>(&cap)) {
    HF_CHECK(read->k >= 1 && read->k <= read->n && read->n <= kSharesMax);
    HF_CHECK(parse_cap(to_string(weaken(*read))) == Cap(weaken(*read)));
  }
  return 0;
}
