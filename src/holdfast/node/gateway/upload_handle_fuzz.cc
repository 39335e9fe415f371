// What a journal remembers of an upload and of its result, of any bytes: read or refused, and what was read is written as it is read.
#include "holdfast/core/base/check.h"
#include "holdfast/node/gateway/upload_handle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::gateway;
  const ByteView bytes{data, size};
  if (const auto about = decode_upload_about(bytes)) {
    const Bytes once = encode(*about);
    const auto again = decode_upload_about(once);
    HF_CHECK(again && encode(*again) == once);
  }
  if (const auto result = decode_upload_result(bytes)) {
    const Bytes once = encode(*result);
    const auto again = decode_upload_result(once);
    HF_CHECK(again && encode(*again) == once);
  }
  return 0;
}
