// The two files of one incomplete upload, and the order in which they are written (storage-server.md 8).
#pragma once

#include <memory>
#include <string>

#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/edge/io/file_system.h"
#include "holdfast/node/storage/share_container.h"
#include "holdfast/node/storage/upload_journal.h"

namespace holdfast::storage {

/// Synchronous; for jobs of a disk pool, one at a time per upload except where said. Files are opened when needed and made
/// with the first byte; close() lets go of them.
class UploadFiles {
 public:
  /// `base`: path without ".part" and ".log". `incoming`: the root up to which new directories are synced. Until it has a
  /// journal the upload is a file in `incoming` itself: what becomes a share at once needs no directories there.
  UploadFiles(io::FileSystem& files, std::string base, std::string incoming, std::uint64_t allocated_size);

  /// The part, if it is not open. Not beside anything else.
  Result<void> open() { return open_part(); }

  /// Compares `data` with what of it is in `present` and writes the rest. Errors: conflict (a held byte differs; nothing
  /// of this piece is written), no_space, io.
  Result<void> write(std::uint64_t offset, ByteView data, const RangeSet& present);

  /// After a sync that failed when there was no journal yet: not even the file's length can be believed. The next write
  /// begins with a new file. Not beside anything else.
  Result<void> start_afresh();

  /// Data, then journal records, both synced; the first time with a new journal and all new directories. May run beside
  /// write(). After an error nothing that was unsynced may be believed.
  Result<void> make_durable(const RangeSet& ranges, const JournalContent& journal);

  /// What was written through the open file, without a journal; nothing where none is open.
  Result<void> sync_part();

  /// Records that ranges are no longer held, and syncs. Does nothing without a journal.
  Result<void> withdraw(const RangeSet& ranges);
  /// Appends records without syncing; does nothing without a journal.
  Result<void> note(ByteView records);
  /// Rewrites the journal when it has grown much beyond its content.
  Result<void> compact_if_large(const JournalContent& content);

  Result<void> read(std::uint64_t offset, MutableByteView out);
  /// Reads only what is not `known`, if given, and adds to `bytes_read` how much that was.
  Result<immutable::AuditVerdict> audit(ShareNumber share, immutable::ArrivingBlocks* known, std::uint64_t& bytes_read);

  /// Leases, sync, rename to `target` without replacing, directory syncs, away with the journal. When a directory sync fails, the
  /// name is taken back: another sync could not tell that it lasts, only another rename can. Where that fails too (placed),
  /// calling it again begins with it. Errors: conflict when the target exists.
  Result<void> become_share(const std::string& target, const std::vector<LeaseRecord>& leases);
  bool placed() const { return where_ == Where::placed; }
  /// Deletes both files and the directories that become empty. What is missing is fine. Errors: io; then it may come back at the
  /// next start.
  Result<void> remove();
  void close();
  bool is_open() const { return part_ != nullptr; }

  /// A journal left by an earlier process was read, after all of the file system had been synced: `bytes` of it are good,
  /// the rest is cut off.
  Result<void> adopt_journal(std::uint64_t bytes);
  bool has_journal() const { return log_durable_bytes_ > 0; }

 private:
  enum class Where { fresh, home, placed };  // in `incoming`; beside its journal; under the share's name
  Result<void> open_part();
  Result<void> move_home();
  Result<void> open_log(const JournalContent* fresh);
  enum class Sync { no, yes };
  Result<void> append_log(ByteView records, Sync sync, const JournalContent* fresh = nullptr);
  Result<void> sync_directories();
  Result<void> make_name_last(const std::string& final_bucket);
  Result<void> take_name_back();
  Result<void> sync_names(const std::string& lowest, const std::string& highest);
  void remove_leftovers();
  std::string bucket() const { return io::parent_path(base_); }
  std::string fresh_path() const;

  io::FileSystem& files_;
  const std::string base_;
  const std::string incoming_;
  std::string part_path_, unplaced_path_;
  Where where_ = Where::fresh, unplaced_where_ = Where::fresh;
  const std::uint64_t allocated_size_;
  std::unique_ptr<io::File> part_, log_;
  std::uint64_t log_bytes_ = 0, log_durable_bytes_ = 0;  // 0: there is no journal yet
  bool directories_synced_ = false;
};

}  // namespace holdfast::storage
