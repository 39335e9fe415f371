// What a decoder accepts encodes to a canonical body, which decodes to the same message; and what was
// accepted keeps the limits of the protocol.
#include "holdfast/core/protocol/storage_messages.h"

#include "holdfast/core/base/check.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;

void check_limits(const ShareSet& shares) {
  HF_CHECK(shares.empty() || *shares.rbegin() < kSharesMax);
}
void check_limits(const RangeSet& ranges) {
  HF_CHECK(ranges.count() <= kStatusRangesMax);
}
void check_limits(const ServerVersion&) {}
void check_limits(const AllocateRequest& message) {
  check_limits(message.share_numbers);
}
void check_limits(const WriteReply& message) {
  check_limits(message.required);
}
void check_limits(const CorruptReport& message) {
  HF_CHECK(!message.reason.empty() && message.reason.size() <= 32'765);
}
void check_limits(const AllocateReply& message) {
  check_limits(message.already_have);
  check_limits(message.allocated);
}
void check_limits(const UploadStatus& message) {
  check_limits(message.complete);
  check_limits(message.busy);
  HF_CHECK(message.incomplete.size() <= kSharesMax);
  for (const auto& [share, partial] : message.incomplete) {
    HF_CHECK(share < kSharesMax);
    check_limits(partial.required);
  }
}

template <class Decode, class Encode>
void check(ByteView body, Decode decode, Encode encode_it) {
  const auto message = decode(body);
  if (!message) {
    HF_CHECK(message.error().code == Errc::malformed);
    return;
  }
  check_limits(*message);
  const Bytes canonical = encode_it(*message);
  const auto again = decode(canonical);
  HF_CHECK(again);
  HF_CHECK(encode_it(*again) == canonical);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView body(data, size);
  const auto encode_any = [](const auto& message) { return encode(message); };
  check(body, decode_server_version, encode_any);
  check(body, decode_allocate_request, encode_any);
  check(body, decode_allocate_reply, encode_any);
  check(body, decode_write_reply, encode_any);
  check(body, decode_corrupt_report, encode_any);
  check(body, decode_upload_status, encode_any);
  check(body, decode_share_set, encode_share_set);
  return 0;
}
