// The real disk behind the FileSystem port.
#pragma once

#include "holdfast/edge/io/file_system.h"

namespace holdfast::io {

/// Stateless; any thread. Error texts name the path, what was tried, and the system's reason.
/// ENOSPC and EDQUOT are no_space, EEXIST and ENOTEMPTY conflict, ENOENT and ENOTDIR not_found,
/// EACCES, EPERM and EROFS not_permitted, anything else io. Unsupported when something else than a file has the name of one that
/// is to be made when missing: a symbolic link is not followed, a pipe not opened.
/// Files are made with mode 0666 (create_private: 0600), directories with 0777, less the umask.
class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> rename_new(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& path) override;
  Result<std::vector<std::string>> make_directories(const std::string& path) override;
  Result<void> remove_directory(const std::string& path) override;
  Result<std::vector<Entry>> list(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<void> sync_all(const std::string& path) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
};

}  // namespace holdfast::io
