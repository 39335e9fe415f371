#include "holdfast/edge/io/posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <limits>
#include <mutex>
#include <system_error>

namespace holdfast::io {
namespace {

constexpr std::size_t kOneCallBytesMax = std::size_t{1} << 30;

Errc code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Errc::no_space;
    case EEXIST:
    case ENOTEMPTY:
      return Errc::conflict;
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::not_permitted;
    default:
      return Errc::io;
  }
}

/// "cannot open /a/b: Permission denied". The text of generic_category() is thread-safe.
tl::unexpected<Error> failed(std::string_view what, const std::string& path, int error) {
  return fail(code_of(error),
              "cannot " + std::string(what) + " " + path + ": " + std::generic_category().message(error));
}

/// Repeats a call that was interrupted by a signal.
template <class Call>
auto retried(Call call) {
  for (;;) {
    auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileInfo info_of(const struct stat& status) {
  FileInfo info;
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.mtime_ns = nanoseconds(status.st_mtim);
  info.ctime_ns = nanoseconds(status.st_ctim);
  info.inode = status.st_ino;
  info.device = status.st_dev;
  info.is_directory = S_ISDIR(status.st_mode);
  info.allocated_bytes = static_cast<std::uint64_t>(status.st_blocks) * 512;
  info.permissions = status.st_mode & 07777;
  return info;
}

/// Writing that is spread over time instead of piling up. All of it is advice to the kernel: what fails is without effect,
/// and errors of the disk are still told by the next sync, since nothing here waits for them.
class WriteStream {
 public:
  explicit WriteStream(StreamRead read) : read_(read) {}

  void written(int descriptor, std::uint64_t offset, std::uint64_t length) {
    const std::scoped_lock lock(mutex_);
    if (offset != chunk_.begin + chunk_.length) close_chunk(descriptor);
    if (chunk_.length == 0) chunk_.begin = offset;
    chunk_.length += length;
    if (chunk_.length >= kChunkBytes) close_chunk(descriptor);
  }

  /// What was under way is on the disk now.
  void synced(int descriptor) {
    const std::scoped_lock lock(mutex_);
    for (const Chunk& chunk : under_way_) drop(descriptor, chunk);
    under_way_.clear();
  }

 private:
  static constexpr std::uint64_t kChunkBytes = 4 * 1'048'576;
  static constexpr std::size_t kUnderWayMax = 4;
  struct Chunk {
    std::uint64_t begin = 0, length = 0;
  };

  void drop(int descriptor, const Chunk& chunk) const {
    if (read_ == StreamRead::soon) return;
    ::posix_fadvise(descriptor, static_cast<off_t>(chunk.begin), static_cast<off_t>(chunk.length), POSIX_FADV_DONTNEED);
  }

  void close_chunk(int descriptor) {
    if (chunk_.length >= kChunkBytes) {
      ::sync_file_range(descriptor, static_cast<off_t>(chunk_.begin), static_cast<off_t>(chunk_.length),
                        SYNC_FILE_RANGE_WRITE);
      under_way_.push_back(chunk_);
      if (under_way_.size() > kUnderWayMax) {
        drop(descriptor, under_way_.front());
        under_way_.pop_front();
      }
    }
    chunk_ = Chunk{};
  }

  const StreamRead read_;
  std::mutex mutex_;
  Chunk chunk_;
  std::deque<Chunk> under_way_;
};

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~PosixFile() override { ::close(descriptor_); }

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override {
    std::size_t done = 0;
    while (done < out.size()) {
      const std::size_t count = std::min(out.size() - done, kOneCallBytesMax);
      const ssize_t got =
          retried([&] { return ::pread(descriptor_, out.data() + done, count, static_cast<off_t>(offset + done)); });
      if (got < 0) return failed("read", path_, errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> write(std::uint64_t offset, ByteView data) override {
    std::size_t done = 0;
    while (done < data.size()) {
      const std::size_t count = std::min(data.size() - done, kOneCallBytesMax);
      const ssize_t put =
          retried([&] { return ::pwrite(descriptor_, data.data() + done, count, static_cast<off_t>(offset + done)); });
      if (put < 0) return failed("write to", path_, errno);
      if (put == 0) return failed("write to", path_, EIO);
      done += static_cast<std::size_t>(put);
    }
    if (stream_ != nullptr) stream_->written(descriptor_, offset, data.size());
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    if (size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) return failed("resize", path_, EFBIG);
    if (retried([&] { return ::ftruncate(descriptor_, static_cast<off_t>(size)); }) != 0) {
      return failed("resize", path_, errno);
    }
    return {};
  }

  Result<void> sync() override {
    if (retried([&] { return ::fdatasync(descriptor_); }) != 0) return failed("sync", path_, errno);
    if (stream_ != nullptr) stream_->synced(descriptor_);
    return {};
  }

  void expect_stream(StreamRead read) override {
    if (stream_ == nullptr) stream_ = std::make_unique<WriteStream>(read);
  }

  Result<FileInfo> info() override {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) return failed("look at", path_, errno);
    return info_of(status);
  }

  Result<void> set_permissions(unsigned permissions) override {
    if (::fchmod(descriptor_, permissions) != 0) return failed("change the permissions of", path_, errno);
    return {};
  }

  void forget_cached() override {
    // Only what is not dirty can be dropped; after a sync nothing is, even if it failed.
    retried([&] { return ::fdatasync(descriptor_); });
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_DONTNEED);
  }

  Result<void> lock() override {
    if (retried([&] { return ::flock(descriptor_, LOCK_EX | LOCK_NB); }) == 0) return {};
    if (errno == EWOULDBLOCK) return fail(Errc::conflict, path_ + " is in use by another process");
    return failed("lock", path_, errno);
  }

 private:
  int descriptor_;
  std::string path_;
  std::unique_ptr<WriteStream> stream_;
};

/// What is made when missing is a program's own; whoever put a link in its place would have it written elsewhere.
bool may_make(Open how) {
  return how == Open::create || how == Open::create_private;
}

int flags_of(Open how) {
  switch (how) {
    case Open::read:
      return O_RDONLY;
    case Open::write:
      return O_RDWR;
    case Open::create:
    case Open::create_private:
      return O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    case Open::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

bool is_directory(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<void> make_with_parents(const std::string& path, std::vector<std::string>& made) {
  if (::mkdir(path.c_str(), 0777) == 0) {
    made.push_back(path);
    return {};
  }
  if (errno == EEXIST && is_directory(path)) return {};
  if (errno != ENOENT) return failed("make the directory", path, errno);
  const std::string parent = parent_path(path);
  if (parent == path || parent == ".") return failed("make the directory", path, ENOENT);
  HF_TRY_VOID(make_with_parents(parent, made));
  if (::mkdir(path.c_str(), 0777) == 0) {
    made.push_back(path);
    return {};
  }
  if (errno == EEXIST && is_directory(path)) return {};
  return failed("make the directory", path, errno);
}

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, Open how) {
  const mode_t mode = how == Open::create_private ? 0600 : 0666;
  const int descriptor = retried([&] { return ::open(path.c_str(), flags_of(how) | O_CLOEXEC, mode); });
  if (descriptor < 0 && errno == ELOOP && may_make(how))
    return fail(Errc::unsupported, path + " is a symbolic link; remove it");
  if (descriptor < 0) return failed(how == Open::create_new ? "create" : "open", path, errno);
  auto file = std::make_unique<PosixFile>(descriptor, path);
  struct stat status;
  if (may_make(how) && ::fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode))
    return fail(Errc::unsupported, path + " is no regular file; remove it");
  return file;
}

Result<void> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename " + from + " to", to, errno);
  return {};
}

Result<void> PosixFileSystem::rename_new(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return failed("rename " + from + " to", to, errno);
  // Some file systems do not know the flag. A hard link refuses an existing name as well.
  if (::link(from.c_str(), to.c_str()) != 0) return failed("rename " + from + " to", to, errno);
  Result<void> moved = unlink(from);
  // Where somebody has taken the old name away, the new one is all that is left of the file.
  if (moved || moved.error().code == Errc::not_found) return {};
  static_cast<void>(::unlink(to.c_str()));  // who is told of a failure must not find half of it
  return moved;
}

Result<void> PosixFileSystem::unlink(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
  return {};
}

Result<std::vector<std::string>> PosixFileSystem::make_directories(const std::string& path) {
  std::vector<std::string> made;
  HF_TRY_VOID(make_with_parents(path, made));
  return made;
}

Result<void> PosixFileSystem::remove_directory(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return failed("remove the directory", path, errno);
  return {};
}

Result<std::vector<FileSystem::Entry>> PosixFileSystem::list(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), &::closedir);
  if (!directory) return failed("list", path, errno);
  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const bool unknown = entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK;
    entries.push_back({name, unknown ? is_directory(join_path(path, name)) : entry->d_type == DT_DIR});
  }
  if (errno != 0) return failed("list", path, errno);
  return entries;
}

Result<void> PosixFileSystem::sync_directory(const std::string& path) {
  const int descriptor = retried([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0) return failed("open the directory", path, errno);
  const int result = retried([&] { return ::fsync(descriptor); });
  const int error = errno;
  ::close(descriptor);
  if (result != 0 && error == EINVAL) return {};  // there is nothing to sync: /proc, where autofs mounts
  if (result != 0) return failed("sync the directory", path, error);
  return {};
}

Result<void> PosixFileSystem::sync_all(const std::string& path) {
  const int descriptor = retried([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (descriptor < 0) return failed("open", path, errno);
  const int result = retried([&] { return ::syncfs(descriptor); });
  const int error = errno;
  ::close(descriptor);
  if (result != 0) return failed("sync the file system of", path, error);
  return {};
}

Result<FileInfo> PosixFileSystem::info(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return failed("look at", path, errno);
  return info_of(status);
}

Result<std::uint64_t> PosixFileSystem::free_bytes(const std::string& path) {
  struct statvfs status;
  if (retried([&] { return ::statvfs(path.c_str(), &status); }) != 0)
    return failed("ask the free space of", path, errno);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace holdfast::io
