// The two files of one upload: its bytes, and the journal that says how many of them count.
#pragma once

#include <memory>
#include <string>

#include "holdfast/edge/io/file_system.h"

namespace holdfast::uploads {

inline constexpr std::string_view kDataSuffix = ".dat", kJournalSuffix = ".jnl";
inline constexpr std::uint64_t kJournalLongBytes = 256 * 1024;

/// Where uploads lie, as it was found at the start.
struct SpoolDirectory {
  std::string path;
  std::uint64_t device = 0, inode = 0;
};

/// Errors: io when it is another one now, or none.
Result<void> find_again(io::FileSystem& files, const SpoolDirectory& directory);

/// `<directory>/<name>.dat` and `.jnl`. Blocking; for the disk pool. Calls on the data and calls on the journal may overlap, calls
/// on either may not. After a failed call the same one may be tried again. `directory` lives longer. Errors: no_space, io, and
/// not_found: somebody has taken the file away. A disk that is away for a moment has taken nothing: that is io.
class SpoolFiles {
 public:
  SpoolFiles(io::FileSystem& files, const SpoolDirectory& directory, std::string name)
      : files_(files), data_directory_(&directory), journal_directory_(&directory), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  std::string data_path() const { return io::join_path(data_directory_->path, name_ + std::string(kDataSuffix)); }
  std::string journal_path() const {
    return io::join_path(journal_directory_->path, name_ + std::string(kJournalSuffix));
  }
  std::uint64_t journal_bytes() const { return journal_bytes_; }
  /// False: after a failure it may be one of two journals, or have a record too many. Nothing is appended to it; write it whole.
  bool journal_is_certain() const { return journal_certain_; }
  /// Nor is it so long that it should be replaced by the same in fewer records.
  bool journal_is_good() const { return journal_certain_ && journal_bytes_ < journal_long_from_; }

  /// The journal, whole and durable: there was none, or the one there was is replaced. When it fails, the one there was is there,
  /// unless it is not certain any more.
  Result<void> write_journal(ByteView journal);
  /// Goes on with the journal that is there, of which the first `good` bytes are records.
  void adopt_journal(std::uint64_t good, std::uint64_t bytes);
  /// Durable when it returns. When it fails, the records may be there all the same; then it is not certain.
  Result<void> append_journal(ByteView records);

  Result<void> write(std::uint64_t offset, ByteView data);
  /// Exactly so many bytes; io when there are fewer.
  Result<void> read(std::uint64_t offset, MutableByteView out);
  Result<void> sync();
  /// To a length that is not above what is there. Nothing, where there is no file, can be cut to nothing.
  Result<void> cut(std::uint64_t bytes);
  /// 0 when there is no file.
  Result<std::uint64_t> data_bytes();

  /// Both, with their names durable; what was moved before is not missed. Wherever it fails, they are found.
  Result<void> move_to(const SpoolDirectory& directory);
  Result<void> remove_data();
  Result<void> remove();
  /// The same, so that no power cut brings them back.
  Result<void> remove_for_good();
  void close();

 private:
  Result<void> open_data(io::Open how);
  /// What is not found in a directory that is another one now is not gone.
  template <class T>
  Result<T> told(Result<T> result, const SpoolDirectory& directory) const {
    if (!result && result.error().code == Errc::not_found) HF_TRY_VOID(find_again(files_, directory));
    return result;
  }
  Result<void> remove_file(const std::string& path, const SpoolDirectory& directory);

  io::FileSystem& files_;
  // Not the same for a moment while they are moved, or when that fails.
  const SpoolDirectory *data_directory_, *journal_directory_;
  const std::string name_;
  std::unique_ptr<io::File> data_, journal_;
  std::uint64_t journal_bytes_ = 0, journal_long_from_ = kJournalLongBytes;
  bool journal_certain_ = true;
  bool data_named_ = false;  // its name is durable
};

}  // namespace holdfast::uploads
