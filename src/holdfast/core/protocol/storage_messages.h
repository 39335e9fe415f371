// The bodies of the storage protocol (4 and 11.5). Every map is closed but the upload status.
#pragma once

#include <map>
#include <set>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/range_set.h"
#include "holdfast/core/base/result.h"

namespace holdfast::protocol {

/// Numbers above 255 mean no share: decoders leave them out. At most 256 entries.
using ShareSet = std::set<ShareNumber>;

struct ServerVersion {
  std::uint64_t maximum_immutable_share_size = 0;
  std::uint64_t maximum_mutable_share_size = 0;
  std::uint64_t available_space = 0;
  std::string application_version;
};

struct AllocateRequest {
  ShareSet share_numbers;
  std::uint64_t allocated_size = 0;  // of each share
};

struct AllocateReply {
  ShareSet already_have;
  ShareSet allocated;
  ShareSet matched = {};  // of allocated; travels in the header Tahoe-Resume, the message being closed
};

struct WriteReply {
  RangeSet required;  // still missing
};

struct CorruptReport {
  std::string reason;  // 1..32765 bytes
};

/// Answer of the resumption extension. Unknown keys are ignored when reading.
struct UploadStatus {
  struct Partial {
    std::uint64_t allocated_size = 0;
    RangeSet required;
    std::uint64_t idle_seconds = 0;
    std::uint64_t expires_in_seconds = 0;
    RangeSet writing = {};  // on its way on some connection right now: leave it to them. May be absent
  };
  ShareSet complete;
  std::map<ShareNumber, Partial> incomplete;
  ShareSet busy;
};

inline constexpr std::size_t kStatusRangesMax = 65'536;

Bytes encode(const ServerVersion& message);
Bytes encode(const AllocateRequest& message);
Bytes encode(const AllocateReply& message);
Bytes encode(const WriteReply& message);
Bytes encode(const CorruptReport& message);
Bytes encode(const UploadStatus& message);
Bytes encode_share_set(const ShareSet& shares);

// Errors of all: malformed.
Result<ServerVersion> decode_server_version(ByteView bytes);
Result<AllocateRequest> decode_allocate_request(ByteView bytes);
Result<AllocateReply> decode_allocate_reply(ByteView bytes);
Result<WriteReply> decode_write_reply(ByteView bytes);
Result<CorruptReport> decode_corrupt_report(ByteView bytes);
Result<UploadStatus> decode_upload_status(ByteView bytes);
Result<ShareSet> decode_share_set(ByteView bytes);

}  // namespace holdfast::protocol
