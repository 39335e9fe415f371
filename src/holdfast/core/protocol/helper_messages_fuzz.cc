// What a decoder accepts encodes to a canonical body, which decodes to the same message; and what was accepted keeps the
// limits of the protocol.
#include "holdfast/core/protocol/helper_messages.h"

#include "holdfast/core/base/check.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;

void check_limits(const HelperVersion&) {}
void check_limits(const HelperRequest& message) {
  HF_CHECK(message.reject.size() <= kHelperRejectMax);
  HF_CHECK(message.needed < 65'536 && message.total < 65'536 && message.happy < 65'536);
}
void check_limits(const HelperState& message) {
  HF_CHECK(message.shares.size() <= kSharesMax);
  for (const auto& [share, servers] : message.shares) HF_CHECK(share < kSharesMax && servers.size() <= 256);
}
void check_limits(const HelperDigests& message) {
  HF_CHECK(message.digests.size() <= kHelperDigestsMax);
}

template <class Decode>
void check(ByteView body, Decode decode) {
  const auto message = decode(body);
  if (!message) {
    HF_CHECK(message.error().code == Errc::malformed);
    return;
  }
  check_limits(*message);
  const Bytes canonical = encode(*message);
  const auto again = decode(canonical);
  HF_CHECK(again);
  HF_CHECK(encode(*again) == canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView body(data, size);
  check(body, decode_helper_version);
  check(body, decode_helper_request);
  check(body, decode_helper_state);
  check(body, decode_helper_digests);
  if (const auto digest = parse_pieces_field(text_of(body))) HF_CHECK(format_pieces_field(*digest) == text_of(body));
  return 0;
}
