// Digest fields of any bytes.
#include "holdfast/core/protocol/digest_fields.h"

#include "holdfast/core/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  using namespace holdfast::protocol;
  const std::string_view text = text_of({data, size});
  if (const auto digest = parse_digest_field(text)) {
    HF_CHECK(digest->digest.size() == (digest->algorithm == "sha-256" ? 32U : 64U));
    if (digest->algorithm == "sha-256")
      HF_CHECK(parse_digest_field(format_digest_field(digest->digest))->digest == digest->digest);
  }
  static_cast<void>(wants_sha256(text));
  return 0;
}
