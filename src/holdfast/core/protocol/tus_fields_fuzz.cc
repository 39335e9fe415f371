// The fields of tus of any bytes.
#include "holdfast/core/protocol/tus_fields.h"

#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view text = text_of({data, size});
  if (const auto count = parse_tus_count(text)) HF_CHECK(*count >> 63U == 0 && text.size() <= 19);
  if (const auto metadata = parse_tus_metadata(text)) {
    HF_CHECK(metadata->pairs.size() <= kTusMetadataPairsMax);
    for (const auto& [key, value] : metadata->pairs) {
      HF_CHECK(!key.empty() && key.find_first_of(" ,") == std::string::npos);
      HF_CHECK(metadata->first_of({key}) == value);
    }
  }
  if (const auto checksum = parse_tus_checksum(text))
    HF_CHECK(!checksum->digest.empty() && !checksum->algorithm.empty());
  if (const auto concat = parse_tus_concat(text)) {
    HF_CHECK(concat->final == !concat->urls.empty() && concat->urls.size() <= kTusConcatUrlsMax);
    for (const std::string& url : concat->urls) HF_CHECK(!url.empty() && url.find(' ') == std::string::npos);
  }
  return 0;
}
