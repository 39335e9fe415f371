// The port for disks. Synchronous: calls belong on a WorkerPool (or in a test's for loop).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/result.h"

namespace holdfast::io {

struct FileInfo {
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::uint64_t device = 0;
  bool is_directory = false;
  std::uint64_t allocated_bytes = 0;  // what it takes on disk; less than size when sparse
  unsigned permissions = 0;           // 0640 and the like
};

enum class Open {
  read,            // must exist
  write,           // must exist; read and write
  create,          // read and write; made when missing
  create_new,      // read and write; must not exist (conflict)
  create_private,  // as create, but only the owner may read it (keys and secrets)
};

/// When what is streamed into a file is read again.
enum class StreamRead { soon, later };

/// An open file; closed by its destructor. Thread-safe as pread and pwrite are.
/// Errors: no_space (disk or quota full), io (everything else).
class File {
 public:
  virtual ~File() = default;
  /// Fills `out` as far as the file goes; fewer bytes only at its end.
  virtual Result<std::size_t> read(std::uint64_t offset, MutableByteView out) = 0;
  virtual Result<void> write(std::uint64_t offset, ByteView data) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Data and size are on stable storage when this returns (fdatasync). After a failure the file's
  /// unsynced data must be taken as lost.
  virtual Result<void> sync() = 0;
  virtual Result<FileInfo> info() = 0;
  virtual Result<void> set_permissions(unsigned permissions) = 0;
  /// Takes an exclusive advisory lock until closed; conflict when another process has it.
  virtual Result<void> lock() = 0;
  /// A hint: much will be written here. From now on it starts its way to the disk early, so that a sync has little left to
  /// do; unless it is read soon, it does not fill the machine's memory.
  virtual void expect_stream(StreamRead) {}
  /// Reads after this are answered by the disk, as far as the system has it so: what a sync lost that failed in another
  /// process is still in memory, and would be taken for what is on the disk.
  virtual void forget_cached() {}
};

/// Paths are UTF-8 with '/'. Errors: not_found, conflict (exists), no_space, not_permitted, io.
/// Implementations: PosixFileSystem, MemoryFileSystem (with faults and power cuts, for tests).
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Open how) = 0;
  /// Replaces `to` atomically.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// As rename, but conflict when `to` exists.
  virtual Result<void> rename_new(const std::string& from, const std::string& to) = 0;
  virtual Result<void> unlink(const std::string& path) = 0;
  /// Makes it and its missing parents; fine when it exists. Answers the directories that were made, outermost
  /// first.
  virtual Result<std::vector<std::string>> make_directories(const std::string& path) = 0;
  virtual Result<void> remove_directory(const std::string& path) = 0;
  struct Entry {
    std::string name;
    bool is_directory = false;
  };
  virtual Result<std::vector<Entry>> list(const std::string& path) = 0;
  /// Names made, renamed or removed in this directory are on stable storage when this returns.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Everything that was written on the file system of `path`, names included, is on stable storage when this returns. For
  /// a start after who knows what, not for hot paths.
  virtual Result<void> sync_all(const std::string& path) = 0;
  virtual Result<FileInfo> info(const std::string& path) = 0;
  /// Bytes that an unprivileged user may still write.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

/// Whole small files. read_file refuses more than bytes_max (malformed).
Result<Bytes> read_file(FileSystem& fs, const std::string& path, std::uint64_t bytes_max);
/// Temporary file beside it (PATH.tmp), sync, rename, directory sync: after a crash either the old or the new
/// content. One writer of a path at a time. `how` is create or create_private.
Result<void> write_file_atomically(FileSystem& fs, const std::string& path, ByteView content, Open how = Open::create);

/// Makes it and what is missing above it. Their names are on stable storage when this returns, also when it was killed or failed
/// before.
Result<void> make_lasting_directory(FileSystem& fs, const std::string& path);

/// "a/b" for "a/b/c", "/" for "/a", "." for "a".
std::string parent_path(const std::string& path);
/// "c" for "a/b/c".
std::string file_name(const std::string& path);
/// `base` and `name` with exactly one '/' between them.
std::string join_path(const std::string& base, const std::string& name);

}  // namespace holdfast::io
