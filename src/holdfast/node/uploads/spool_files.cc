#include "holdfast/node/uploads/spool_files.h"

namespace holdfast::uploads {
namespace {

Result<void> fine_if_missing(Result<void> result) {
  if (!result && result.error().code == Errc::not_found) return {};
  return result;
}

}  // namespace

Result<void> SpoolFiles::write_journal(ByteView journal) {
  journal_.reset();
  HF_TRY_VOID(io::write_file_atomically(files_, journal_path(), journal, io::Open::create_private));
  journal_bytes_ = journal.size();
  return {};
}

Result<void> SpoolFiles::append_journal(ByteView records) {
  if (journal_ == nullptr) {
    HF_TRY(journal_, files_.open(journal_path(), io::Open::write));
  }
  // At the end of what is durable: a record that could not be written or synced is written over.
  const auto append = [&]() -> Result<void> {
    HF_TRY_VOID(journal_->write(journal_bytes_, records));
    return journal_->sync();
  };
  Result<void> appended = append();
  if (appended) {
    journal_bytes_ += records.size();
  } else {
    // It may be there all the same, and would promise at the next start what is taken back now.
    if (journal_->truncate(journal_bytes_)) static_cast<void>(journal_->sync());
    journal_.reset();
  }
  return appended;
}

Result<void> SpoolFiles::open_data() {
  if (data_ != nullptr) return {};
  HF_TRY(data_, files_.open(data_path(), io::Open::create_private));
  data_->expect_stream(io::StreamRead::soon);
  return {};
}

Result<void> SpoolFiles::write(std::uint64_t offset, ByteView data) {
  HF_TRY_VOID(open_data());
  return data_->write(offset, data);
}

Result<void> SpoolFiles::read(std::uint64_t offset, MutableByteView out) {
  HF_TRY_VOID(open_data());
  HF_TRY(const std::size_t count, data_->read(offset, out));
  if (count != out.size()) return fail(Errc::io, data_path() + " is shorter than it was");
  return {};
}

Result<void> SpoolFiles::sync() {
  HF_TRY_VOID(open_data());
  HF_TRY_VOID(data_->sync());
  if (data_named_) return {};
  HF_TRY_VOID(files_.sync_directory(*data_directory_));
  data_named_ = true;
  return {};
}

Result<void> SpoolFiles::cut(std::uint64_t bytes) {
  HF_TRY_VOID(open_data());
  return data_->truncate(bytes);
}

Result<std::uint64_t> SpoolFiles::data_bytes() {
  const auto info = files_.info(data_path());
  if (!info && info.error().code == Errc::not_found) return std::uint64_t{0};
  if (!info) return tl::make_unexpected(info.error());
  return info->size;
}

Result<void> SpoolFiles::move_to(const std::string& directory) {
  if (directory == *data_directory_ && directory == *journal_directory_) return {};
  const SpoolFiles there(files_, directory, name_);
  const std::string& from = *journal_directory_;
  close();
  // The journal last: where it is, there the bytes are.
  if (*data_directory_ != directory) {
    HF_TRY_VOID(fine_if_missing(files_.rename(data_path(), there.data_path())));
    data_directory_ = &directory;
  }
  HF_TRY_VOID(files_.sync_directory(directory));
  HF_TRY_VOID(files_.rename(journal_path(), there.journal_path()));
  journal_directory_ = &directory;
  HF_TRY_VOID(files_.sync_directory(directory));
  return files_.sync_directory(from);
}

Result<void> SpoolFiles::remove_data() {
  data_.reset();
  return fine_if_missing(files_.unlink(data_path()));
}

Result<void> SpoolFiles::remove() {
  close();
  // The journal first: bytes without one are nobody's.
  HF_TRY_VOID(fine_if_missing(files_.unlink(journal_path())));
  return remove_data();
}

Result<void> SpoolFiles::remove_for_good() {
  HF_TRY_VOID(remove());
  return files_.sync_directory(*journal_directory_);
}

void SpoolFiles::close() {
  data_.reset();
  journal_.reset();
}

}  // namespace holdfast::uploads
