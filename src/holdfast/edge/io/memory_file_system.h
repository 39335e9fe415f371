// A disk in memory for tests: it fails on request, fills up, and loses power.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "holdfast/edge/io/memory_node.h"

namespace holdfast::io {

/// Behaves as PosixFileSystem does (one conformance test runs against both) and keeps apart what is written and what is
/// durable. The model of a power cut is what POSIX promises, and no more:
///  - Changes of a file since its last sync survive or not, sector by sector (512 bytes, each whole); the file's size is
///    that after any of these changes; what lies below it and did not survive is the old content, or zeros.
///  - Names made, renamed and removed since the last sync of their directory survive up to some point in the order in
///    which they were made. A rename survives as a whole. Syncing a directory takes along only earlier changes of the
///    same names; in particular not the name of the directory itself in its parent.
///  - A sync that fails loses what it should have made durable, but for what the disk took by chance: later reads show it,
///    a later sync does not help.
///  - A write that fails may have written a beginning of its bytes.
/// What survives is chosen by `random`. Any thread may call.
class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(Random& random);

  /// Time of changes, in nanoseconds since 1970; without it they happened at 0.
  void set_clock(std::function<std::int64_t()> now_ns);
  /// What may be allocated in all, in whole sectors; writes beyond it fail with no_space.
  void set_capacity(std::uint64_t bytes);

  /// Calls so far that reached the disk: all of FileSystem and File but closing.
  std::uint64_t operations() const;
  /// Operation number n fails (the first one ever is number 0), once.
  void fail_operation(std::uint64_t n, Errc error);
  /// From operation number n on everything fails with io and does nothing, until power_cut() or process_killed().
  void power_off_from(std::uint64_t n);
  /// Loses what is not durable and comes back, healthy. Files that are open fail from now on.
  void power_cut();
  /// What kill -9 does: no file is open any more, nothing else is lost.
  void process_killed();

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

 private:
  class MemoryFile;
  using NodePtr = std::shared_ptr<MemoryNode>;
  struct Place {  // a name in a directory, and what has it now, if anything
    NodePtr directory;
    std::string name;
    NodePtr node;
  };
  using NameChange = std::vector<Place>;  // without a node: the name is gone

  // All of these with the mutex held.
  bool power_is_off() const { return off_from_ && operations_ > *off_from_; }  // for the operation just counted
  Result<void> count_operation();
  Result<Place> find(const std::string& path) const;
  Result<NodePtr> find_node(const std::string& path) const;
  NodePtr make_node(bool directory);
  void change_names(NameChange change);
  Result<void> rename_now(const std::string& from, const std::string& to, bool replace);
  Result<std::vector<std::string>> make_directories_now(const std::string& path);
  static void make_durable(const NameChange& change);
  bool fits(const MemoryNode& file, Range bytes) const;
  std::int64_t now_ns() const { return clock_ ? clock_() : 0; }

  Random& random_;
  mutable std::mutex mutex_;
  std::function<std::int64_t()> clock_;
  std::optional<std::uint64_t> capacity_;
  std::uint64_t operations_ = 0;
  std::map<std::uint64_t, Errc> failures_;
  std::optional<std::uint64_t> off_from_;
  std::uint64_t generation_ = 0;  // of open files; those of an earlier one are dead
  std::map<const MemoryNode*, const File*> locks_;
  std::uint64_t next_inode_ = 2;
  NodePtr root_;
  std::vector<NameChange> pending_names_;
};

}  // namespace holdfast::io
