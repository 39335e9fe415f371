#include "holdfast/node/storage/upload_files.h"

#include <algorithm>

namespace holdfast::storage {
namespace {

constexpr std::size_t kCompareBytes = 256 * 1024;
constexpr std::uint64_t kCompactBytes = 64 * 1024;

}  // namespace

Result<void> UploadFiles::open_part() {
  if (part_ != nullptr) return {};
  auto opened = files_.open(base_ + ".part", io::Open::write);
  if (opened) {
    part_ = std::move(*opened);
    return {};
  }
  if (opened.error().code != Errc::not_found) return tl::make_unexpected(opened.error());
  HF_TRY_VOID(files_.make_directories(bucket()));
  HF_TRY(std::unique_ptr<io::File> file, files_.open(base_ + ".part", io::Open::create));
  HF_TRY_VOID(file->write(0, container_header(allocated_size_, 0)));
  HF_TRY_VOID(file->truncate(kContainerHeaderBytes + allocated_size_));
  part_ = std::move(file);
  return {};
}

Result<void> UploadFiles::open_log(const JournalContent* fresh) {
  if (log_ != nullptr) return {};
  if (log_bytes_ > 0) {
    HF_TRY(log_, files_.open(base_ + ".log", io::Open::write));
    return log_->truncate(log_bytes_);
  }
  HF_CHECK(fresh != nullptr);
  JournalContent empty = *fresh;
  empty.held.clear();
  HF_TRY(std::unique_ptr<io::File> file, files_.open(base_ + ".log", io::Open::create));
  HF_TRY_VOID(file->truncate(0));
  const Bytes start = compact_journal(empty);
  HF_TRY_VOID(file->write(0, start));
  log_ = std::move(file);
  log_bytes_ = start.size();
  return {};
}

Result<void> UploadFiles::append_log(ByteView records) {
  HF_TRY_VOID(log_->write(log_bytes_, records));
  log_bytes_ += records.size();
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
      if (!equal(theirs, data.subspan(at - offset, theirs.size()))) return fail(Errc::conflict, "bytes that differ from those held");
    }
  }
  for (const Range& range : present.gaps(whole).ranges()) {
    HF_TRY_VOID(part_->write(kContainerHeaderBytes + range.begin, data.subspan(range.begin - offset, range.size())));
  }
  return {};
}

Result<void> UploadFiles::sync_directories() {
  if (directories_synced_) return {};
  // Whether another upload made them or this one: names must be on disk up to the root.
  for (std::string path = bucket();; path = io::parent_path(path)) {
    HF_TRY_VOID(files_.sync_directory(path));
    if (path == incoming_ || path.size() <= incoming_.size()) break;
  }
  directories_synced_ = true;
  return {};
}

Result<void> UploadFiles::make_durable(const RangeSet& ranges, const JournalContent& journal) {
  HF_TRY_VOID(open_part());
  HF_TRY_VOID(part_->sync());
  HF_TRY_VOID(open_log(&journal));
  Bytes records;
  for (const Range& range : ranges.ranges()) append(records, encode_held(range));
  HF_TRY_VOID(append_log(records));
  HF_TRY_VOID(log_->sync());
  return sync_directories();
}

Result<void> UploadFiles::withdraw(const RangeSet& ranges) {
  if (!has_journal()) return {};
  HF_TRY_VOID(open_log(nullptr));
  Bytes records;
  for (const Range& range : ranges.ranges()) append(records, encode_withdrawn(range));
  HF_TRY_VOID(append_log(records));
  return log_->sync();
}

Result<void> UploadFiles::note(ByteView records) {
  if (!has_journal()) return {};
  HF_TRY_VOID(open_log(nullptr));
  return append_log(records);
}

Result<void> UploadFiles::compact_if_large(const JournalContent& content) {
  if (log_bytes_ < kCompactBytes) return {};
  const Bytes compact = compact_journal(content);
  if (log_bytes_ < 2 * compact.size()) return {};
  log_.reset();
  HF_TRY_VOID(io::write_file_atomically(files_, base_ + ".log", compact));
  log_bytes_ = compact.size();
  return {};
}

Result<void> UploadFiles::read(std::uint64_t offset, MutableByteView out) {
  HF_TRY_VOID(open_part());
  HF_TRY(const std::size_t count, part_->read(kContainerHeaderBytes + offset, out));
  if (count != out.size()) return fail(Errc::io, "a partial share that is shorter than it was");
  return {};
}

Result<immutable::AuditVerdict> UploadFiles::audit(ShareNumber share) {
  HF_TRY_VOID(open_part());
  const immutable::ShareBytesAt at = [this](std::uint64_t offset, MutableByteView out) { return read(offset, out); };
  return immutable::audit_share(allocated_size_, share, at);
}

Result<void> UploadFiles::become_share(const std::string& target, const std::vector<LeaseRecord>& leases) {
  HF_TRY_VOID(open_part());
  Bytes records;
  for (const LeaseRecord& lease : leases) append(records, encode_lease(lease));
  HF_TRY_VOID(part_->write(kContainerHeaderBytes + allocated_size_, records));
  HF_TRY_VOID(part_->write(0, container_header(allocated_size_, static_cast<std::uint32_t>(leases.size()))));
  HF_TRY_VOID(part_->sync());
  const std::string final_bucket = io::parent_path(target);
  HF_TRY(const std::vector<std::string> made, files_.make_directories(final_bucket));
  HF_TRY_VOID(files_.rename_new(base_ + ".part", target));
  HF_TRY_VOID(files_.sync_directory(final_bucket));
  for (const std::string& directory : made) HF_TRY_VOID(files_.sync_directory(io::parent_path(directory)));
  HF_TRY_VOID(files_.sync_directory(bucket()));
  remove();
  return {};
}

void UploadFiles::remove() {
  close();
  static_cast<void>(files_.unlink(base_ + ".log"));
  static_cast<void>(files_.unlink(base_ + ".part"));
  // Fails while somebody else's upload is in there, which is right.
  for (std::string path = bucket(); path.size() > incoming_.size(); path = io::parent_path(path)) {
    if (!files_.remove_directory(path)) break;
  }
  log_bytes_ = 0;
  directories_synced_ = false;
}

void UploadFiles::close() {
  part_.reset();
  log_.reset();
}

}  // namespace holdfast::storage
