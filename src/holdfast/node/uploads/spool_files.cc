#include "holdfast/node/uploads/spool_files.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/edge/io/missing.h"

namespace holdfast::uploads {

Result<void> find_again(io::FileSystem& files, const SpoolDirectory& directory) {
  const Result<io::FileInfo> now = files.info(directory.path);
  const bool here = now && now->device == directory.device && now->inode == directory.inode;
  if (here) return {};
  return fail(Errc::io, directory.path + " is not the directory that it was at the start: is its disk mounted?");
}

Result<void> SpoolFiles::write_journal(ByteView journal) {
  journal_.reset();
  const std::string temporary = journal_path() + ".tmp";
  const auto prepare = [&]() -> Result<void> {
    HF_TRY_VOID(find_again(files_, *journal_directory_));
    HF_TRY(const std::unique_ptr<io::File> file, files_.open(temporary, io::Open::create_private));
    HF_TRY_VOID(file->truncate(0));
    HF_TRY_VOID(file->write(0, journal));
    return file->sync();
  };
  if (Result<void> prepared = prepare(); !prepared) {
    static_cast<void>(files_.unlink(temporary));
    journal_long_from_ =
        std::max(journal_long_from_, journal_bytes_ + kJournalLongBytes);  // not again with the next record
    return prepared;
  }
  // Which of the two it is nobody can say before its name is durable.
  journal_certain_ = false;
  HF_TRY_VOID(told(files_.rename(temporary, journal_path()), *journal_directory_));
  HF_TRY_VOID(told(files_.sync_directory(journal_directory_->path), *journal_directory_));
  adopt_journal(journal.size(), journal.size());
  return {};
}

void SpoolFiles::adopt_journal(std::uint64_t good, std::uint64_t bytes) {
  journal_bytes_ = good;
  journal_long_from_ = std::max(kJournalLongBytes, 2 * good);
  journal_certain_ = good == bytes;
}

Result<void> SpoolFiles::append_journal(ByteView records) {
  HF_CHECK(journal_certain_);
  if (journal_ == nullptr) {
    HF_TRY(journal_, told(files_.open(journal_path(), io::Open::write), *journal_directory_));
  }
  Result<void> appended = journal_->write(journal_bytes_, records);
  if (!appended) {
    // Some of it may be there. Not so when it can be cut off: a full disk does not ask for another whole journal.
    journal_certain_ = journal_->truncate(journal_bytes_) && journal_->sync();
  } else if (appended = journal_->sync(); !appended) {
    journal_certain_ = false;
  }
  if (appended) {
    journal_bytes_ += records.size();
  } else {
    journal_.reset();
  }
  return appended;
}

Result<void> SpoolFiles::open_data(io::Open how) {
  if (data_ != nullptr) return {};
  if (how == io::Open::create_private)
    HF_TRY_VOID(find_again(files_, *data_directory_));  // not on what lies below its disk
  HF_TRY(data_, told(files_.open(data_path(), how), *data_directory_));
  data_->expect_stream(io::StreamRead::soon);
  return {};
}

Result<void> SpoolFiles::write(std::uint64_t offset, ByteView data) {
  // Only a beginning makes the file: one that somebody has taken away does not come back with a hole in it.
  HF_TRY_VOID(open_data(offset == 0 ? io::Open::create_private : io::Open::write));
  return data_->write(offset, data);
}

Result<void> SpoolFiles::read(std::uint64_t offset, MutableByteView out) {
  HF_TRY_VOID(open_data(io::Open::write));
  HF_TRY(const std::size_t count, data_->read(offset, out));
  if (count != out.size()) return fail(Errc::io, data_path() + " is shorter than it was");
  return {};
}

Result<void> SpoolFiles::sync() {
  HF_TRY_VOID(open_data(io::Open::write));
  HF_TRY_VOID(data_->sync());
  if (data_named_) return {};
  HF_TRY_VOID(told(files_.sync_directory(data_directory_->path), *data_directory_));
  data_named_ = true;
  return {};
}

Result<void> SpoolFiles::cut(std::uint64_t bytes) {
  const Result<void> opened = open_data(io::Open::write);
  if (!opened) return bytes == 0 ? io::fine_if_missing(opened) : opened;
  return data_->truncate(bytes);
}

Result<std::uint64_t> SpoolFiles::data_bytes() {
  const Result<io::FileInfo> info = told(files_.info(data_path()), *data_directory_);
  if (!info && info.error().code == Errc::not_found) return std::uint64_t{0};
  if (!info) return tl::make_unexpected(info.error());
  return info->size;
}

Result<void> SpoolFiles::move_to(const SpoolDirectory& directory) {
  if (directory.path == data_directory_->path && directory.path == journal_directory_->path) return {};
  const SpoolFiles there(files_, directory, name_);
  const SpoolDirectory& from = *journal_directory_;
  close();
  // The journal last: where it is, there the bytes are.
  if (data_directory_->path != directory.path) {
    HF_TRY_VOID(io::fine_if_missing(told(files_.rename(data_path(), there.data_path()), *data_directory_)));
    data_directory_ = &directory;
  }
  HF_TRY_VOID(files_.sync_directory(directory.path));
  HF_TRY_VOID(files_.rename(journal_path(), there.journal_path()));
  journal_directory_ = &directory;
  HF_TRY_VOID(files_.sync_directory(directory.path));
  return files_.sync_directory(from.path);
}

Result<void> SpoolFiles::remove_file(const std::string& path, const SpoolDirectory& directory) {
  return io::fine_if_missing(told(files_.unlink(path), directory));
}

Result<void> SpoolFiles::remove_data() {
  data_.reset();
  return remove_file(data_path(), *data_directory_);
}

Result<void> SpoolFiles::remove() {
  close();
  // The journal first: bytes without one are nobody's.
  HF_TRY_VOID(remove_file(journal_path(), *journal_directory_));
  return remove_data();
}

Result<void> SpoolFiles::remove_for_good() {
  HF_TRY_VOID(remove());
  return files_.sync_directory(journal_directory_->path);
}

void SpoolFiles::close() {
  data_.reset();
  journal_.reset();
}

}  // namespace holdfast::uploads
