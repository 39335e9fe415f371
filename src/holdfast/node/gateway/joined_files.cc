#include "holdfast/node/gateway/joined_files.h"

#include <algorithm>

namespace holdfast::gateway {
namespace {

/// Opens each part when it is read: there may be a thousand of them.
class JoinedFile final : public io::File {
 public:
  struct Extent {
    std::string path;
    std::uint64_t begin, end;
  };
  JoinedFile(io::FileSystem& below, std::vector<Extent> parts, io::FileInfo info)
      : below_(below), parts_(std::move(parts)), info_(info) {}

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override {
    std::size_t filled = 0;
    auto part = std::ranges::upper_bound(parts_, offset, {}, [](const Extent& each) { return each.end; });
    for (; part != parts_.end() && filled < out.size(); ++part) {
      const std::uint64_t at = offset + filled;
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(out.size() - filled, part->end - at));
      if (count == 0) continue;
      HF_TRY(const std::unique_ptr<io::File> file, below_.open(part->path, io::Open::read));
      HF_TRY(const std::size_t got, file->read(at - part->begin, out.subspan(filled, count)));
      filled += got;
      if (got < count) break;
    }
    return filled;
  }
  Result<void> write(std::uint64_t, ByteView) override { return read_only(); }
  Result<void> truncate(std::uint64_t) override { return read_only(); }
  Result<void> sync() override { return {}; }
  Result<io::FileInfo> info() override { return info_; }
  Result<void> set_permissions(unsigned) override { return read_only(); }
  Result<void> lock() override { return {}; }

 private:
  static Result<void> read_only() { return fail(Errc::io, "files that were joined are only read"); }

  io::FileSystem& below_;
  const std::vector<Extent> parts_;
  const io::FileInfo info_;
};

}  // namespace

void JoinedFiles::join(const std::string& path, std::vector<Part> parts) {
  const std::lock_guard guard(mutex_);
  joined_[path] = std::move(parts);
}

void JoinedFiles::part(const std::string& path) {
  const std::lock_guard guard(mutex_);
  joined_.erase(path);
}

std::vector<JoinedFiles::Part> JoinedFiles::parts_of(const std::string& path) const {
  const std::lock_guard guard(mutex_);
  const auto it = joined_.find(path);
  return it == joined_.end() ? std::vector<Part>() : it->second;
}

Result<std::unique_ptr<io::File>> JoinedFiles::open(const std::string& path, io::Open how) {
  const std::vector<Part> parts = parts_of(path);
  if (parts.empty()) return below_.open(path, how);
  std::vector<JoinedFile::Extent> extents;
  io::FileInfo whole;
  for (const Part& part : parts) {
    HF_TRY(const io::FileInfo info, below_.info(part.path));
    if (info.size < part.bytes) return fail(Errc::corrupt, "a file that was joined to others has become shorter");
    extents.push_back({part.path, whole.size, whole.size + part.bytes});
    if (whole.size == 0) whole.inode = info.inode;
    whole.device = info.device;
    whole.size += part.bytes;
    whole.mtime_ns = std::max(whole.mtime_ns, info.mtime_ns);
    whole.ctime_ns = std::max(whole.ctime_ns, info.ctime_ns);
    whole.allocated_bytes += info.allocated_bytes;
  }
  return std::make_unique<JoinedFile>(below_, std::move(extents), whole);
}

Result<io::FileInfo> JoinedFiles::info(const std::string& path) {
  if (parts_of(path).empty()) return below_.info(path);
  HF_TRY(const std::unique_ptr<io::File> file, open(path, io::Open::read));
  return file->info();
}

}  // namespace holdfast::gateway
