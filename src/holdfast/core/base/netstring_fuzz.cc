// What is read must write to the very bytes that were read.
#include "holdfast/core/base/check.h"
#include "holdfast/core/base/netstring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const ByteView bytes(data, size);
  NetstringReader reader(bytes);
  Bytes written;
  while (!reader.at_end()) {
    const auto value = reader.next(size);
    if (value) {
      append_netstring(written, *value);
    } else {
      const auto word = reader.next_until(':', 100);
      if (!word) break;
      append(written, *word);
      written.push_back(':');
    }
    HF_CHECK(equal(written, bytes.first(size - reader.rest().size())));
  }
  return 0;
}
