// A disk on which some files are others put end to end: a concatenation is read where its parts lie, and never copied.
#pragma once

#include <map>
#include <mutex>

#include "holdfast/edge/io/file_system.h"

namespace holdfast::gateway {

/// Everything but reading what was joined goes to the disk below, which outlives it. Thread-safe as that is.
class JoinedFiles final : public io::FileSystem {
 public:
  explicit JoinedFiles(io::FileSystem& below) : below_(below) {}

  struct Part {
    std::string path;
    std::uint64_t bytes;  // from its beginning: whatever lies behind them does not count
  };
  /// From now on `path` reads as these, as long as they stay as they are. Opening it is `corrupt` when one has become too short.
  void join(const std::string& path, std::vector<Part> parts);
  void part(const std::string& path);

  Result<std::unique_ptr<io::File>> open(const std::string& path, io::Open how) override;
  Result<io::FileInfo> info(const std::string& path) override;

  Result<void> rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
  Result<void> rename_new(const std::string& from, const std::string& to) override {
    return below_.rename_new(from, to);
  }
  Result<void> unlink(const std::string& path) override { return below_.unlink(path); }
  Result<std::vector<std::string>> make_directories(const std::string& path) override {
    return below_.make_directories(path);
  }
  Result<void> remove_directory(const std::string& path) override { return below_.remove_directory(path); }
  Result<std::vector<Entry>> list(const std::string& path) override { return below_.list(path); }
  Result<void> sync_directory(const std::string& path) override { return below_.sync_directory(path); }
  Result<void> sync_all(const std::string& path) override { return below_.sync_all(path); }
  Result<std::uint64_t> free_bytes(const std::string& path) override { return below_.free_bytes(path); }

 private:
  std::vector<Part> parts_of(const std::string& path) const;

  io::FileSystem& below_;
  mutable std::mutex mutex_;  // jobs on worker threads look here
  std::map<std::string, std::vector<Part>> joined_;
};

}  // namespace holdfast::gateway
