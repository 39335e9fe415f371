// The files that are open, by what they are.
#pragma once

#include <map>

#include "holdfast/node/gateway/open_file.h"

namespace holdfast::gateway {

class FileTable;

/// While it lives, the file stays open.
class FileUse {
 public:
  FileUse(FileTable& table, OpenFile& file) : table_(&table), file_(&file) {}
  FileUse(FileUse&& other) noexcept : table_(other.table_), file_(std::exchange(other.file_, nullptr)) {}
  FileUse& operator=(FileUse&&) = delete;
  ~FileUse();
  OpenFile& file() const { return *file_; }

 private:
  FileTable* table_;
  OpenFile* file_;
};

class FileTable {
 public:
  explicit FileTable(SharedState& shared) : shared_(shared), closing_(shared.context.loop) {}

  /// Opens it unless it is open. When opening_files_max are not open yet, the one that has waited longest ends. Errors:
  /// unavailable when open_files_max are being read.
  Result<FileUse> use(const cap::ChkReadCap& cap);
  std::size_t open_files() const { return files_.size(); }

  /// Closes files that have been idle for a while, until the scope is cancelled; then all of them. Nobody may use any then.
  io::Task<void> tend();

 private:
  friend class FileUse;
  using Files = std::map<Hash, std::unique_ptr<OpenFile>>;
  void release(OpenFile& file);
  void retire(std::unique_ptr<OpenFile> file);
  bool close_longest_idle();
  void end_longest_opening();
  void close_idle();
  static io::Task<void> close_one(std::unique_ptr<OpenFile> file);

  SharedState& shared_;
  Files files_;
  std::list<std::unique_ptr<OpenFile>> failed_;  // still in use
  io::TaskGroup closing_;
};

}  // namespace holdfast::gateway
