#include "holdfast/node/storage/upload_files.h"

#include <algorithm>
#include <utility>

#include "holdfast/edge/io/missing.h"

namespace holdfast::storage {
namespace {

constexpr std::size_t kCompareBytes = 256 * 1024;
constexpr std::uint64_t kCompactBytes = 64 * 1024;
constexpr int kRemovalsMetMax = 10;  // of a directory by others, between making and using it

}  // namespace

UploadFiles::UploadFiles(io::FileSystem& files, std::string base, std::string incoming, std::uint64_t allocated_size)
    : files_(files),
      base_(std::move(base)),
      incoming_(std::move(incoming)),
      part_path_(fresh_path()),
      allocated_size_(allocated_size) {}

std::string UploadFiles::fresh_path() const {
  return io::join_path(incoming_, io::file_name(bucket()) + "." + io::file_name(base_) + ".part");
}

Result<void> UploadFiles::open_part() {
  if (part_ != nullptr) return {};
  HF_TRY(std::unique_ptr<io::File> file,
         files_.open(part_path_, has_journal() || placed() ? io::Open::write : io::Open::create));
  HF_TRY(const io::FileInfo info, file->info());
  // It is new; or a failure left it half made, or of another size, or with leases at its end.
  if (!placed() && info.size != kContainerHeaderBytes + allocated_size_) {
    HF_TRY_VOID(file->write(0, container_header(allocated_size_, 0)));
    HF_TRY_VOID(file->truncate(kContainerHeaderBytes + allocated_size_));
  }
  part_ = std::move(file);
  part_->expect_stream(io::StreamRead::later);
  return {};
}

Result<void> UploadFiles::move_home() {
  if (where_ != Where::fresh) return {};
  HF_TRY_VOID(io::fine_if_missing(files_.unlink(base_ + ".log")));  // one left behind must not speak for this upload
  Result<void> moved;
  for (int met = 0; met < kRemovalsMetMax; ++met) {
    HF_TRY_VOID(files_.make_directories(bucket()));
    moved = files_.rename(part_path_, base_ + ".part");
    if (moved || moved.error().code != Errc::not_found) break;  // the last one out has just removed the directory
  }
  HF_TRY_VOID(moved);
  part_path_ = base_ + ".part";
  where_ = Where::home;
  return {};
}

Result<void> UploadFiles::open_log(const JournalContent* fresh) {
  if (log_ != nullptr) return {};
  HF_CHECK(has_journal() || fresh != nullptr);
  HF_TRY(std::unique_ptr<io::File> file,
         files_.open(base_ + ".log", has_journal() ? io::Open::write : io::Open::create));
  HF_TRY(const io::FileInfo info, file->info());
  if (info.size != log_bytes_) HF_TRY_VOID(file->truncate(log_bytes_));
  if (!has_journal()) {
    JournalContent empty = *fresh;
    empty.held.clear();
    const Bytes start = compact_journal(empty);
    HF_TRY_VOID(file->write(0, start));
    log_bytes_ = start.size();
  }
  log_ = std::move(file);
  return {};
}

Result<void> UploadFiles::append_log(ByteView records, Sync sync, const JournalContent* fresh) {
  const auto append = [&]() -> Result<void> {
    HF_TRY_VOID(open_log(fresh));
    HF_TRY_VOID(log_->write(log_bytes_, records));
    log_bytes_ += records.size();
    if (sync == Sync::no) return {};
    HF_TRY_VOID(log_->sync());
    log_durable_bytes_ = log_bytes_;
    return {};
  };
  Result<void> appended = append();
  if (!appended) {
    // What was not durable is lost. Records behind a hole would never be read: go on where the last durable one ends.
    log_.reset();
    log_bytes_ = log_durable_bytes_;
  }
  return appended;
}

Result<void> UploadFiles::start_afresh() {
  HF_CHECK(!has_journal() && !placed());
  part_.reset();
  HF_TRY_VOID(io::fine_if_missing(files_.unlink(part_path_)));
  remove_leftovers();
  part_path_ = fresh_path();
  where_ = Where::fresh;
  return {};
}

Result<void> UploadFiles::write(std::uint64_t offset, ByteView data, const RangeSet& present) {
  HF_TRY_VOID(open_part());
  const Range whole{offset, offset + data.size()};
  Bytes theirs;
  for (const Range& range : present.intersection(whole).ranges()) {
    for (std::uint64_t at = range.begin; at < range.end; at += theirs.size()) {
      theirs.resize(std::min<std::uint64_t>(kCompareBytes, range.end - at));
      HF_TRY_VOID(read(at, theirs));
      if (!equal(theirs, data.subspan(at - offset, theirs.size())))
        return fail(Errc::conflict, "bytes that differ from those held");
    }
  }
  for (const Range& range : present.gaps(whole).ranges()) {
    HF_TRY_VOID(part_->write(kContainerHeaderBytes + range.begin, data.subspan(range.begin - offset, range.size())));
  }
  return {};
}

/// Names in `lowest` and in all directories above it, up to `highest`. Whoever made them: another may not have come to it.
Result<void> UploadFiles::sync_names(const std::string& lowest, const std::string& highest) {
  for (std::string path = lowest;; path = io::parent_path(path)) {
    HF_TRY_VOID(files_.sync_directory(path));
    if (path.size() <= highest.size()) return {};
  }
}

Result<void> UploadFiles::sync_directories() {
  if (directories_synced_) return {};
  HF_TRY_VOID(sync_names(bucket(), incoming_));
  directories_synced_ = true;
  return {};
}

Result<void> UploadFiles::make_durable(const RangeSet& ranges, const JournalContent& journal) {
  HF_TRY_VOID(open_part());
  HF_TRY_VOID(move_home());
  HF_TRY_VOID(part_->sync());
  Bytes records;
  for (const Range& range : ranges.ranges()) append(records, encode_held(range));
  HF_TRY_VOID(append_log(records, Sync::yes, &journal));
  return sync_directories();
}

Result<void> UploadFiles::sync_part() {
  if (part_ == nullptr) return {};
  return part_->sync();
}

Result<void> UploadFiles::withdraw(const RangeSet& ranges) {
  if (!has_journal()) return {};
  Bytes records;
  for (const Range& range : ranges.ranges()) append(records, encode_withdrawn(range));
  return append_log(records, Sync::yes);
}

Result<void> UploadFiles::note(ByteView records) {
  if (!has_journal()) return {};
  return append_log(records, Sync::no);
}

Result<void> UploadFiles::compact_if_large(const JournalContent& content) {
  if (log_bytes_ < kCompactBytes) return {};
  const Bytes compact = compact_journal(content);
  if (log_bytes_ < 2 * compact.size()) return {};
  const std::string temporary = base_ + ".log.tmp";
  const auto replace = [&]() -> Result<void> {
    HF_TRY(const std::unique_ptr<io::File> file, files_.open(temporary, io::Open::create));
    HF_TRY_VOID(file->truncate(0));
    HF_TRY_VOID(file->write(0, compact));
    HF_TRY_VOID(file->sync());
    return files_.rename(temporary, base_ + ".log");
  };
  if (!replace()) {  // the old one says the same, and serves on
    static_cast<void>(files_.unlink(temporary));
    return {};
  }
  log_.reset();
  log_bytes_ = log_durable_bytes_ = compact.size();
  directories_synced_ = false;
  return sync_directories();
}

Result<void> UploadFiles::adopt_journal(std::uint64_t bytes) {
  log_bytes_ = log_durable_bytes_ = bytes;
  part_path_ = base_ + ".part";
  where_ = Where::home;
  directories_synced_ = true;
  HF_TRY(const io::FileInfo log, files_.info(base_ + ".log"));
  if (log.size == bytes) return {};
  HF_TRY_VOID(open_log(nullptr));
  HF_TRY_VOID(log_->sync());
  close();
  return {};
}

Result<void> UploadFiles::read(std::uint64_t offset, MutableByteView out) {
  HF_TRY_VOID(open_part());
  HF_TRY(const std::size_t count, part_->read(kContainerHeaderBytes + offset, out));
  if (count != out.size()) return fail(Errc::io, "a partial share that is shorter than it was");
  return {};
}

Result<immutable::AuditVerdict> UploadFiles::audit(ShareNumber share, immutable::ArrivingBlocks* known,
                                                   std::uint64_t& bytes_read) {
  HF_TRY_VOID(open_part());
  const immutable::ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) {
    bytes_read += out.size();
    return read(offset, out);
  };
  return immutable::audit_share(allocated_size_, share, at, known);
}

Result<void> UploadFiles::take_name_back() {
  HF_TRY_VOID(files_.rename(part_path_, unplaced_path_));
  part_path_ = unplaced_path_;
  where_ = unplaced_where_;
  return {};
}

Result<void> UploadFiles::make_name_last(const std::string& final_bucket) {
  HF_TRY_VOID(files_.sync_directory(final_bucket));
  // Without a journal nobody would believe a .part that comes back.
  if (!has_journal()) return sync_names(io::parent_path(final_bucket), io::parent_path(incoming_));
  return io::fine_if_missing(files_.sync_directory(bucket()));  // the last one out may have removed it
}

Result<void> UploadFiles::become_share(const std::string& target, const std::vector<LeaseRecord>& leases) {
  const std::string final_bucket = io::parent_path(target);
  if (placed()) HF_TRY_VOID(take_name_back());
  HF_TRY_VOID(open_part());
  Bytes records;
  for (const LeaseRecord& lease : leases) append(records, encode_lease(lease));
  HF_TRY_VOID(part_->truncate(kContainerHeaderBytes + allocated_size_));
  HF_TRY_VOID(part_->write(kContainerHeaderBytes + allocated_size_, records));
  HF_TRY_VOID(part_->write(0, container_header(allocated_size_, static_cast<std::uint32_t>(leases.size()))));
  HF_TRY_VOID(part_->sync());
  HF_TRY_VOID(files_.make_directories(final_bucket));
  // The way there first: a rename that outlived its new directories would take the bytes with them. When nothing of them
  // was acknowledged they may be lost, and a file system with a journal of its own then syncs once instead of twice.
  if (has_journal()) HF_TRY_VOID(sync_names(io::parent_path(final_bucket), io::parent_path(incoming_)));
  HF_TRY_VOID(files_.rename_new(part_path_, target));
  unplaced_path_ = std::exchange(part_path_, target);
  unplaced_where_ = std::exchange(where_, Where::placed);
  if (Result<void> lasts = make_name_last(final_bucket); !lasts) {
    static_cast<void>(take_name_back());
    return lasts;
  }
  remove_leftovers();
  return {};
}

Result<void> UploadFiles::remove() {
  close();
  // The journal first: bytes without one are nobody's.
  if (has_journal() || where_ == Where::home) HF_TRY_VOID(io::fine_if_missing(files_.unlink(base_ + ".log")));
  HF_TRY_VOID(io::fine_if_missing(files_.unlink(part_path_)));
  remove_leftovers();
  return {};
}

void UploadFiles::remove_leftovers() {
  close();
  if (!has_journal() && where_ != Where::home) return;  // there never was more than the one file
  static_cast<void>(files_.unlink(base_ + ".log"));
  // Fails while somebody else's upload is in there, which is right.
  for (std::string path = bucket(); path.size() > incoming_.size(); path = io::parent_path(path)) {
    if (!files_.remove_directory(path)) break;
  }
  log_bytes_ = log_durable_bytes_ = 0;
  directories_synced_ = false;
}

void UploadFiles::close() {
  part_.reset();
  log_.reset();
}

}  // namespace holdfast::storage
