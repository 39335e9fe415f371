// All uploads of one gateway: made, filled, finished, pushed to the grid, remembered for a while. Knows no HTTP dialect.
#pragma once

#include <map>

#include "holdfast/edge/http/message.h"
#include "holdfast/node/gateway/append_wish.h"
#include "holdfast/node/gateway/joined_files.h"
#include "holdfast/node/gateway/upload_handle.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::gateway {

struct HandleOptions {
  uploads::StoreOptions store;
  transfer::UploadOptions shape;              // k, happy, N
  std::size_t commits_at_once = 4;            // of large files, and as many of small ones
  std::uint64_t give_up_seconds = 1'209'600;  // of committing to a grid that does not take it
  io::Duration retry_first = std::chrono::seconds(2), retry_max = std::chrono::minutes(10);
  io::Duration slow_window = std::chrono::minutes(5);  // a sender that brings less than this in it is cut off
  std::uint64_t slow_bytes = 300 * 1'024;
  std::function<void(const UploadResult&)> committed;  // told of each result, kept ones too; may be empty
};

struct HandleCounters {
  std::uint64_t created = 0, committed = 0, failed = 0, cancelled = 0, commit_failures = 0, committed_bytes = 0;
  std::uint64_t mismatches = 0, digest_mismatches = 0, broken_bodies = 0, superseded = 0, slow_senders = 0;
  std::uint64_t bytes_proven_later = 0;
  double commit_seconds = 0;
  std::uint64_t piece_bytes_lent = 0;
};

class UploadHandles {
 public:
  UploadHandles(const transfer::Context& context, HandleOptions options);
  ~UploadHandles();

  /// Takes over what an earlier process left.
  io::Task<Result<void>> open();
  /// Until the scope is cancelled; what is unfinished stays for the next start.
  io::Task<void> run();

  struct NewHandle {
    std::string name;  // empty: a random one
    std::optional<std::uint64_t> length;
    UploadAbout about;
  };
  /// Durable when it returns; one of length 0 is whole at once. Errors: unsupported (too large), no_space, unavailable (too many),
  /// malformed (parts that cannot be joined), conflict (the name is in use), io.
  io::Task<Result<UploadHandlePtr>> create(NewHandle wanted);

  UploadHandlePtr find_by_token(std::string_view token) const;
  UploadHandlePtr find_by_name(const std::string& name) const;
  std::string token_of(const UploadHandle& handle) const { return store_.token_of(*handle.upload); }

  /// The durable offset, after whoever was sending has been cut off. Errors: unavailable, io.
  io::Task<Result<std::uint64_t>> query(UploadHandlePtr handle);
  /// SHA-256 of all that is held of one that is not whole; for a sender that wants to know whether its file still begins like that.
  struct Prefix {
    std::uint64_t bytes = 0;
    Hash sha256;
  };
  io::Task<Result<Prefix>> prefix_of(UploadHandlePtr handle);
  /// A body with a checksum that broke off is kept, but does not count (`has_pending`). It does when its sender knows the SHA-256 of
  /// all that is here, up to `offset`; else nothing changes. Errors: unavailable, io.
  io::Task<Result<void>> prove_pending(UploadHandlePtr handle, std::uint64_t offset, Hash sha256);
  io::Task<AppendOutcome> append(UploadHandlePtr handle, AppendWish wish, http::BodyReader& body);
  /// Ends one whose acknowledged bytes are not all there any more. For whoever has the turn.
  io::Task<void> fail_if_lost(UploadHandlePtr handle);
  /// What is whole needs no more bytes. Errors: corrupt (not what its sender said: it has failed), io.
  io::Task<Result<void>> finish(UploadHandlePtr handle);
  /// True when it stays cancelled after a restart too.
  io::Task<bool> cancel(UploadHandlePtr handle);
  /// At most so long, for another state than `receiving`, `committing` and `waiting`; also for the end of waiting for a retry
  /// when `or_trouble`.
  io::Task<void> wait_for_result(UploadHandlePtr handle, io::Duration patience, bool or_trouble = false);

  /// What whoever asks is told of trouble: where files lie here is for the log alone.
  std::string told(std::string what) const;
  /// May this upload be asked once more now? Twenty requests a second, a hundred at once.
  bool allow_request(UploadHandle& handle) const;

  const std::map<std::string, UploadHandlePtr>& all() const { return handles_; }
  uploads::UploadStore& store() { return store_; }
  const uploads::UploadStore& store() const { return store_; }
  const HandleOptions& options() const { return options_; }
  const HandleCounters& counters() const { return counters_; }
  io::Loop& loop() const { return context_.loop; }

 private:
  struct Body;
  io::Task<AppendOutcome> append_in_turn(UploadHandlePtr handle, AppendWish wish, http::BodyReader& body);
  io::Task<std::optional<AppendOutcome>> restart(UploadHandlePtr handle, const AppendWish& wish);
  io::Task<std::optional<AppendOutcome>> admit(UploadHandlePtr handle, const AppendWish& wish);
  io::Task<AppendOutcome::End> receive(UploadHandlePtr handle, Body& body);
  io::Task<AppendOutcome> conclude(UploadHandlePtr handle, Body& body, AppendOutcome::End end);
  Result<std::vector<UploadHandlePtr>> parts_of(const UploadAbout& about) const;
  void enter(UploadHandle& handle, UploadHandle::State state);
  io::Task<Result<void>> finish_if_whole(UploadHandlePtr handle);
  io::Task<void> finish_concatenations();
  void hear_concatenations(const UploadHandlePtr& part) const;
  io::Task<Result<void>> read_file(std::string path, std::uint64_t bytes, std::function<void(ByteView)> use);
  io::Task<Result<void>> read_part(UploadHandlePtr part, resume::WholeDigest& joined);
  io::Task<Result<void>> prove_sha512(UploadHandlePtr handle);
  io::Task<Result<void>> join(UploadHandlePtr handle);
  io::Task<Result<void>> find_source(UploadHandlePtr handle);
  io::Task<void> commit(UploadHandlePtr handle);
  io::Task<Result<UploadResult>> commit_once(UploadHandlePtr handle);
  io::Task<void> fail_handle(UploadHandlePtr handle, std::string why);
  io::Task<void> abandon_shares(std::string path);
  std::string source_path(const UploadHandle& handle) const;
  static void pin(const std::vector<UploadHandlePtr>& parts);
  static void unpin(UploadHandle& handle);
  io::Task<void> sweep();

  const HandleOptions options_;
  JoinedFiles files_;  // the disk, and concatenations as if they were files
  const transfer::Context context_;
  uploads::UploadStore store_;
  std::map<std::string, UploadHandlePtr> handles_;
  io::Semaphore large_slots_, small_slots_;
  io::TaskGroup work_;
  bool running_ = false;
  std::vector<UploadHandlePtr> to_commit_;  // found before run()
  HandleCounters counters_;
};

}  // namespace holdfast::gateway
