// The journal of one incomplete upload (storage-server.md 8; docs/formats/storage-partials.md). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/core/base/result.h"

namespace holdfast::storage {

struct JournalLease {
  Hash renew, cancel;  // BLAKE2b-256
  std::uint32_t owner = 0;
};

struct JournalHeader {
  bool resumable = false;
  std::uint64_t allocated_size = 0;
  std::int64_t created_wall = 0;
  Hash at_rest_id;
  JournalLease lease;
};

inline constexpr std::size_t kJournalHeaderBytes = 160;

Bytes encode_journal_header(const JournalHeader& header);
Bytes encode_held(Range range);
Bytes encode_withdrawn(Range range);
Bytes encode_lease_record(const JournalLease& lease);
Bytes encode_activity(std::int64_t wall);

/// What a journal says. Reading stops at the first short or bad record: `good_bytes` is where to cut the file.
struct JournalContent {
  JournalHeader header;
  RangeSet held;  // within [0, allocated_size)
  std::vector<JournalLease> more_leases;
  std::int64_t last_activity_wall = 0;
  std::uint64_t good_bytes = 0;
};
/// Errors: malformed when the header is not whole and right.
Result<JournalContent> decode_journal(ByteView bytes);

/// The same content, as short as can be.
Bytes compact_journal(const JournalContent& content);

}  // namespace holdfast::storage
