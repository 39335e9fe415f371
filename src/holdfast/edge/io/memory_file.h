// A file of the disk in memory that is open. For MemoryFileSystem alone.
#pragma once

#include <algorithm>

#include "holdfast/edge/io/memory_file_system.h"

namespace holdfast::io {

inline tl::unexpected<Error> failed(Errc code, std::string_view what, const std::string& path, std::string_view why) {
  return fail(code, "cannot " + std::string(what) + " " + path + ": " + std::string(why));
}

class MemoryFileSystem::MemoryFile final : public File {
 public:
  static constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 32;

  MemoryFile(MemoryFileSystem& fs, NodePtr node, std::string path, bool writable)
      : fs_(fs), node_(std::move(node)), path_(std::move(path)), writable_(writable), generation_(fs.generation_) {}
  ~MemoryFile() override {
    const std::lock_guard lock(fs_.mutex_);
    unlock();
  }

  Result<std::size_t> read(std::uint64_t offset, MutableByteView out) override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(begin("read"));
    if (offset >= node_->content.size()) return std::size_t{0};
    const std::size_t count = std::min<std::uint64_t>(out.size(), node_->content.size() - offset);
    std::copy_n(node_->content.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
    return count;
  }

  Result<void> write(std::uint64_t offset, ByteView data) override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(may_write("write to"));
    Result<void> started = begin("write to");
    if (!started && !reaches_disk()) return started;
    // A write that fails has written as much as it got to.
    if (!started) data = data.first(fs_.random_.below(data.size() + 1));
    if (data.empty()) return started;
    if (offset > kFileBytesMax || data.size() > kFileBytesMax - offset)
      return failed(Errc::io, "write to", path_, "it is too large");
    if (!fs_.fits(*node_, {offset, offset + data.size()}))
      return failed(Errc::no_space, "write to", path_, "the disk is full");
    node_->apply({false, offset, to_bytes(data)});
    node_->changed_ns = fs_.now_ns();
    return started;
  }

  Result<void> truncate(std::uint64_t size) override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(may_write("resize"));
    HF_TRY_VOID(begin("resize"));
    if (size > kFileBytesMax) return failed(Errc::io, "resize", path_, "it would be too large");
    node_->apply({true, size, {}});
    node_->changed_ns = fs_.now_ns();
    return {};
  }

  Result<void> sync() override {
    const std::lock_guard lock(fs_.mutex_);
    Result<void> started = begin("sync");
    if (!started) {
      if (reaches_disk()) node_->tear(fs_.random_);
      return started;
    }
    node_->sync();
    return {};
  }

  Result<FileInfo> info() override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(begin("look at"));
    return node_->info();
  }

  Result<void> set_permissions(unsigned permissions) override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(begin("change the permissions of"));
    node_->permissions = permissions;
    return {};
  }

  void forget_cached() override {
    (void)sync();
    const std::lock_guard lock(fs_.mutex_);
    if (reaches_disk()) node_->forget_cached();
  }

  Result<void> lock() override {
    const std::lock_guard lock(fs_.mutex_);
    HF_TRY_VOID(begin("lock"));
    const bool mine = fs_.locks_.try_emplace(node_.get(), this).first->second == this;
    if (!mine) return fail(Errc::conflict, path_ + " is in use by another process");
    return {};
  }

 private:
  void unlock() {
    const auto it = fs_.locks_.find(node_.get());
    if (it != fs_.locks_.end() && it->second == this) fs_.locks_.erase(it);
  }
  Result<void> begin(std::string_view what) {
    if (generation_ != fs_.generation_) return failed(Errc::io, what, path_, "the file is not open any more");
    const auto counted = fs_.count_operation();
    if (!counted) return failed(counted.error().code, what, path_, counted.error().what);
    return {};
  }
  bool reaches_disk() const { return generation_ == fs_.generation_ && !fs_.power_is_off(); }
  Result<void> may_write(std::string_view what) const {
    if (!writable_) return failed(Errc::io, what, path_, "it was opened for reading");
    return {};
  }

  MemoryFileSystem& fs_;
  const NodePtr node_;
  const std::string path_;
  const bool writable_;
  const std::uint64_t generation_;
};

}  // namespace holdfast::io
