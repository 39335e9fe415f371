// A name of any bytes gives one header field that no reader takes for more.
#include "holdfast/core/protocol/content_disposition.h"

#include <algorithm>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/percent.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view name = text_of({data, size});
  const std::string field = content_disposition("attachment", name);
  HF_CHECK(field.size() < 4 * kDispositionNameBytesMax + 64);
  for (char c : field) HF_CHECK(c >= 0x20 && c < 0x7f && c != '/' && c != '\\');
  HF_CHECK(std::ranges::count(field, '"') == 2);
  HF_CHECK(percent_decode(percent_encode(name)) == name);
  if (const auto decoded = percent_decode(name)) HF_CHECK(decoded->size() <= name.size());
  return 0;
}
