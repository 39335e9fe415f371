#include "holdfast/core/resume/record_log.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"

namespace holdfast::resume {

Bytes encode_record(std::uint8_t type, ByteView payload) {
  HF_CHECK(payload.size() <= kRecordPayloadBytesMax);
  Bytes out;
  out.reserve(payload.size() + kRecordOverheadBytes);
  append_be(out, 1, type);
  append_be(out, 3, payload.size());
  append(out, payload);
  append_be(out, 4, crypto::crc32c(out));
  return out;
}

std::optional<Record> decode_record(ByteView journal, std::size_t at, std::size_t payload_bytes_max) {
  if (at > journal.size() || journal.size() - at < kRecordOverheadBytes) return std::nullopt;
  const std::size_t length = load_be(journal, at + 1, 3);
  if (length > payload_bytes_max || journal.size() - at < kRecordOverheadBytes + length) return std::nullopt;
  const ByteView covered = journal.subspan(at, 4 + length);
  if (load_be(journal, at + 4 + length, 4) != crypto::crc32c(covered)) return std::nullopt;
  return Record{journal[at], covered.subspan(4), kRecordOverheadBytes + length};
}

}  // namespace holdfast::resume
