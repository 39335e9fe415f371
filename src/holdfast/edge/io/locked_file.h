// A file that one process at a time works on, and gives its final name or removes when it is done.
#pragma once

#include "holdfast/edge/io/file_system.h"

namespace holdfast::io {

/// Errors: not_found (`file`, which was opened at `path`, has that name no more), those of the file.
inline Result<void> still_named(FileSystem& files, const std::string& path, File& file) {
  HF_TRY(const FileInfo mine, file.info());
  HF_TRY(const FileInfo there, files.info(path));
  if (there.inode != mine.inode || there.device != mine.device) return fail(Errc::not_found, path + " is gone");
  return {};
}

/// Locks `file`, which was opened at `path`, and makes sure that it still has that name: whoever held it before may just have
/// renamed or removed it. Errors: conflict (another process has it), not_found (it has that name no more), those of the file.
inline Result<void> lock_named(FileSystem& files, const std::string& path, File& file) {
  HF_TRY_VOID(file.lock());
  return still_named(files, path, file);
}

}  // namespace holdfast::io
