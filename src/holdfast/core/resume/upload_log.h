// The journal of one append-only upload, and what it says (resumable-upload.md 5; docs/formats/upload-journal.md). Pure.
// The helper's spool and the gateway's handles are two users of it.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"

namespace holdfast::resume {

using UploadId = FixedBytes<16, struct UploadIdTag>;  // random; the public half of an upload's token

inline constexpr std::size_t kAboutBytesMax = 65'536;     // what the creator wants remembered
inline constexpr std::size_t kProgressBytesMax = 65'536;  // of a commit: steps and results
inline constexpr std::uint64_t kPieceBytes = 1'048'576;   // what digests are of (design 4)
inline constexpr std::uint64_t kUploadBytesMax = 1ULL << 62U;

struct UploadCreation {
  UploadId id;
  Hash owner;                           // who may go on: the at-rest id of a secret, or of a principal
  std::optional<std::uint64_t> length;  // nothing: told later
  std::int64_t created_wall = 0;        // seconds since 1970
  Bytes about;
};

enum class UploadPhase {
  open,       // takes bytes
  sealed,     // whole and durable: on its way to the grid. There is no way back
  committed,  // in the grid: the result is known
  ended,      // cancelled, expired, failed: the bytes are gone
};
enum class UploadEnd { cancelled, expired, failed };

/// What the records of a journal add up to.
struct UploadLog {
  UploadCreation creation;
  UploadPhase phase = UploadPhase::open;
  std::optional<std::uint64_t> length;
  std::uint64_t durable = 0;  // the offset that may be acknowledged
  std::optional<Hash>
      digest_state;     // of SHA-256 behind the whole blocks of 64 bytes below it, where the store keeps one
  bool joined = false;  // its bytes lie in other uploads; it has no file of its own
  std::set<std::uint64_t> withdrawn;  // pieces below it that were being replaced
  std::optional<Hash> seal;           // digest over the digests of all pieces, or of all bytes: as the store has it
  Bytes step, result;                 // the latest of each
  UploadEnd end = UploadEnd::cancelled;
  std::string reason;
  std::int64_t active_wall = 0;  // of the latest record that says
};

// One record each, to be appended.
Bytes encode_creation(const UploadCreation& creation);  // with the magic in front: the beginning of a journal
Bytes encode_length(std::uint64_t length);
Bytes encode_joined();
Bytes encode_durable(std::uint64_t offset, std::int64_t wall, const std::optional<Hash>& digest_state = std::nullopt);
Bytes encode_withdrawn(std::uint64_t piece);
Bytes encode_held(std::uint64_t piece);
Bytes encode_sealed(const Hash& digest, std::int64_t wall);
Bytes encode_step(ByteView step);
Bytes encode_result(ByteView result, std::int64_t wall);
Bytes encode_ended(UploadEnd end, std::string_view reason, std::int64_t wall);

struct ReplayedUpload {
  UploadLog log;
  std::uint64_t good_bytes = 0;  // where to cut the journal
};
/// Up to the first record that is damaged or cannot follow on what was before. Errors: malformed without a whole creation.
Result<ReplayedUpload> replay_upload(ByteView journal);
/// The same state in as few records as there can be.
Bytes compact_upload(const UploadLog& log);

}  // namespace holdfast::resume
