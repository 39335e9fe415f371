// The client's journal of one upload: saves work after a crash, and is trusted for nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"
#include "holdfast/core/cap/key.h"
#include "holdfast/edge/io/file_system.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::transfer {

inline constexpr std::uint64_t kPutJournalBytesMax = 1'073'741'824;  // 32 bytes a segment: 32 Mi segments

/// What tells that a file is still the same one. Content is proven separately.
struct SourceIdentity {
  std::string path;  // absolute
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint64_t inode = 0, device = 0;
  friend bool operator==(const SourceIdentity&, const SourceIdentity&) = default;
};

/// docs/formats/put-journal.md. One file per (path, k, n, segment size, key mode), mode 0600.
struct PutJournal {
  SourceIdentity source;
  unsigned k = 0, happy = 0, n = 0;
  Proof proof = Proof::full;
  std::uint64_t segment_bytes_max = 0;  // asked for
  std::uint64_t segment_bytes = 0;      // effective
  KeyMode key_mode = KeyMode::convergent;
  cap::Key key;
  StorageIndex storage_index;
  std::vector<Hash> piece_digests;  // random key only: SHA-256 of each plaintext segment
  std::int64_t started_wall_seconds = 0;
};

Bytes encode(const PutJournal& journal);
/// Errors: malformed for anything damaged, at whatever byte.
Result<PutJournal> decode_put_journal(ByteView bytes);

/// `<directory>/put-<16 characters>.journal`, a function of the identity's path and the parameters.
std::string put_journal_path(const std::string& directory, const std::string& source_path,
                             const UploadOptions& options);

}  // namespace holdfast::transfer
