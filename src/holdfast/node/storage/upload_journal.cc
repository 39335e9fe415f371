#include "holdfast/node/storage/upload_journal.h"

#include <algorithm>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"
#include "holdfast/core/resume/record_log.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kMagic = "GBSPART1";
constexpr std::uint8_t kHeld = 1, kLease = 2, kWithdrawn = 3, kActivity = 4;
constexpr std::size_t kPayloadBytesMax = 68;

Bytes range_record(std::uint8_t type, Range range) {
  Bytes payload;
  append_be(payload, 8, range.begin);
  append_be(payload, 8, range.end);
  return resume::encode_record(type, payload);
}

Bytes lease_payload(const JournalLease& lease) {
  Bytes out = to_bytes(lease.renew.view());
  append(out, lease.cancel.view());
  append_be(out, 4, lease.owner);
  return out;
}

JournalLease lease_of(ByteView payload) {
  return {Hash::from(payload.first(32)), Hash::from(payload.subspan(32, 32)),
          static_cast<std::uint32_t>(load_be(payload, 64, 4))};
}

/// Applies one record; false when it makes no sense.
bool apply(std::uint8_t type, ByteView payload, JournalContent& content) {
  if (type == kHeld || type == kWithdrawn) {
    if (payload.size() != 16) return false;
    const Range range{load_be(payload, 0, 8), load_be(payload, 8, 8)};
    if (range.empty() || range.end > content.header.allocated_size) return false;
    type == kHeld ? content.held.add(range) : content.held.subtract(range);
    return true;
  }
  if (type == kLease && payload.size() == 68) {
    content.more_leases.push_back(lease_of(payload));
    return true;
  }
  if (type == kActivity && payload.size() == 8) {
    content.last_activity_wall =
        std::max(content.last_activity_wall, static_cast<std::int64_t>(load_be(payload, 0, 8)));
    return true;
  }
  return false;
}

}  // namespace

Bytes encode_journal_header(const JournalHeader& header) {
  Bytes out = to_bytes(kMagic);
  append_be(out, 4, kJournalHeaderBytes);
  append_be(out, 4, header.resumable ? 1 : 0);
  append_be(out, 8, header.allocated_size);
  append_be(out, 8, static_cast<std::uint64_t>(header.created_wall));
  append(out, header.at_rest_id.view());
  append(out, lease_payload(header.lease));
  out.resize(156);
  append_be(out, 4, crypto::crc32c(out));
  return out;
}

Bytes encode_held(Range range) {
  return range_record(kHeld, range);
}
Bytes encode_withdrawn(Range range) {
  return range_record(kWithdrawn, range);
}
Bytes encode_lease_record(const JournalLease& lease) {
  return resume::encode_record(kLease, lease_payload(lease));
}

Bytes encode_activity(std::int64_t wall) {
  Bytes payload;
  append_be(payload, 8, static_cast<std::uint64_t>(wall));
  return resume::encode_record(kActivity, payload);
}

Result<JournalContent> decode_journal(ByteView bytes) {
  if (bytes.size() < kJournalHeaderBytes || text_of(bytes.first(kMagic.size())) != kMagic ||
      load_be(bytes, 8, 4) != kJournalHeaderBytes || load_be(bytes, 156, 4) != crypto::crc32c(bytes.first(156))) {
    return fail(Errc::malformed, "not the journal of an upload");
  }
  JournalContent out;
  out.header.resumable = (load_be(bytes, 12, 4) & 1) != 0;
  out.header.allocated_size = load_be(bytes, 16, 8);
  out.header.created_wall = static_cast<std::int64_t>(load_be(bytes, 24, 8));
  out.header.at_rest_id = Hash::from(bytes.subspan(32, 32));
  out.header.lease = lease_of(bytes.subspan(64, 68));
  out.last_activity_wall = out.header.created_wall;
  std::size_t at = kJournalHeaderBytes;
  while (const auto record = resume::decode_record(bytes, at, kPayloadBytesMax)) {
    if (!apply(record->type, record->payload, out)) break;
    at += record->bytes;
  }
  out.good_bytes = at;
  return out;
}

Bytes compact_journal(const JournalContent& content) {
  Bytes out = encode_journal_header(content.header);
  for (const Range& range : content.held.ranges()) append(out, encode_held(range));
  for (const JournalLease& lease : content.more_leases) append(out, encode_lease_record(lease));
  append(out, encode_activity(content.last_activity_wall));
  return out;
}

}  // namespace holdfast::storage
