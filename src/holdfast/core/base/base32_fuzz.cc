// What decodes must encode to the very same text; what does not must fail cleanly.
#include "holdfast/core/base/base32.h"
#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const ByteView bytes(data, size);
  if (const auto decoded = base32_decode(text_of(bytes))) HF_CHECK(base32_encode(*decoded) == text_of(bytes));
  const auto again = base32_decode(base32_encode(bytes));
  HF_CHECK(again && equal(*again, bytes));
  return 0;
}
