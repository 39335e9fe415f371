#include "holdfast/edge/io/file_system.h"

#include <algorithm>

namespace holdfast::io {

Result<Bytes> read_file(FileSystem& fs, const std::string& path, std::uint64_t bytes_max) {
  HF_TRY(const std::unique_ptr<File> file, fs.open(path, Open::read));
  HF_TRY(const FileInfo info, file->info());
  const auto too_large = [&] {
    return fail(Errc::malformed, path + " is larger than the " + std::to_string(bytes_max) + " bytes it may have");
  };
  if (info.size > bytes_max) return too_large();
  // The size is a hint: the file may grow, and files of /proc say 0. So read until the end is seen.
  Bytes out(static_cast<std::size_t>(std::max<std::uint64_t>(info.size, 511) + 1));
  std::size_t filled = 0;
  for (;;) {
    HF_TRY(const std::size_t count, file->read(filled, MutableByteView(out).subspan(filled)));
    filled += count;
    if (filled > bytes_max) return too_large();
    if (filled < out.size()) break;
    out.resize(out.size() * 2);
  }
  out.resize(filled);
  return out;
}

Result<void> write_file_atomically(FileSystem& fs, const std::string& path, ByteView content, Open how) {
  const std::string temporary = path + ".tmp";
  const auto write = [&]() -> Result<void> {
    HF_TRY(const std::unique_ptr<File> file, fs.open(temporary, how));
    HF_TRY_VOID(file->truncate(0));
    HF_TRY_VOID(file->write(0, content));
    HF_TRY_VOID(file->sync());
    return fs.rename(temporary, path);
  };
  if (auto written = write(); !written) {
    (void)fs.unlink(temporary);
    return written;
  }
  return fs.sync_directory(parent_path(path));
}

Result<void> make_lasting_directory(FileSystem& fs, const std::string& path) {
  const std::string parent = parent_path(path);
  // From the top: what exists below is proof that what is above it lasts, whenever this was killed.
  const Result<FileInfo> there = fs.info(path);
  if (!there && there.error().code != Errc::not_found) return tl::make_unexpected(there.error());
  if (!there && parent != path) HF_TRY_VOID(make_lasting_directory(fs, parent));
  HF_TRY(const std::vector<std::string> made, fs.make_directories(path));
  // Also when it is there: who made it may have been killed before this.
  Result<void> synced = fs.sync_directory(parent);
  if (synced || synced.error().code == Errc::not_permitted) return {};  // one may pass some and not open them
  // A sync that failed once may seem to succeed the second time.
  if (!made.empty()) static_cast<void>(fs.remove_directory(path));
  return synced;
}

std::string parent_path(const std::string& path) {
  std::size_t end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  const std::size_t slash = path.rfind('/', end - 1);
  if (end == 0 || slash == std::string::npos) return ".";
  std::size_t length = slash;
  while (length > 1 && path[length - 1] == '/') --length;
  return length == 0 ? "/" : path.substr(0, length);
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);  // npos + 1 is 0
}

std::string join_path(const std::string& base, const std::string& name) {
  if (base.empty() || base.back() == '/') return base + name;
  return base + "/" + name;
}

}  // namespace holdfast::io
