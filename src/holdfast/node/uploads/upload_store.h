// Append-only uploads on a disk (resumable-upload.md 5): what is acknowledged is durable, what is sealed is whole, and a crash
// anywhere leaves one or the other. The helper's spool and the gateway's handles are kept here.
#pragma once

#include <map>
#include <set>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/base/random.h"
#include "holdfast/core/base/secret.h"
#include "holdfast/edge/io/log.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/worker_pool.h"
#include "holdfast/node/uploads/store_options.h"
#include "holdfast/node/uploads/upload.h"

namespace holdfast::uploads {

class UploadStore {
 public:
  struct World {
    io::Loop& loop;
    io::WorkerPool& disk;
    io::FileSystem& files;
    Random& random;
    io::Log& log;
  };
  UploadStore(World world, StoreOptions options);

  /// Takes over what an earlier process left. Errors: conflict (another one is at work there), io, no_space.
  io::Task<Result<void>> open();
  /// Syncs slow uploads each second and ends idle ones, until the scope is cancelled; then makes everything durable.
  io::Task<void> tend();

  const StoreOptions& options() const { return options_; }
  const StoreCounters& counters() const { return counters_; }
  const std::map<std::string_view, UploadPtr>& uploads() const { return uploads_; }
  UploadPtr find(const std::string& name) const;
  UploadPtr find_by_token(std::string_view token) const;  // only of tokens that this store gave out
  std::string token_of(const Upload& upload) const;
  std::uint64_t space() const;  // that may still be promised
  std::uint64_t bytes_held() const;

  using NewUpload = uploads::NewUpload;
  /// Durable when it returns. Errors: unsupported (it can never fit), no_space (bytes or uploads), conflict (in use), malformed
  /// (too much about it), io.
  io::Task<Result<UploadPtr>> create(NewUpload wanted);

  /// A newer request of the same client takes over at once, another client after two seconds without a byte. Errors: conflict
  /// (another client is sending), cancelled (a still newer one came), timeout (the one before does not let go), not_found.
  io::Task<Result<std::unique_ptr<Turn>>> take_turn(UploadPtr upload, std::string client);
  bool is_busy_for(const Upload& upload, const std::string& client) const;
  void begin_body(Upload& upload);  // with the turn, before it is read: counts those behind one that broke off
  /// Something came from the sender, though not yet enough to append.
  void hear(Upload& upload) const {
    upload.active = world_.loop.now();
    upload.idle_before = {};
  }

  /// The next bytes, by whoever has the turn; for him they are those at `at`. Errors: malformed (beyond the length), no_space, io
  /// (also when what he sent before is lost), not_found (ended meanwhile).
  io::Task<Result<void>> append(UploadPtr upload, std::uint64_t at, Buffer data);
  /// All that is written becomes durable. Errors: io, no_space: what is not durable then may be forgotten; not_found.
  io::Task<Result<void>> sync(UploadPtr upload);
  /// The same for whoever sent as far as `upto`: io when some of that is lost, though all that is left is durable.
  io::Task<Result<void>> sync(UploadPtr upload, std::uint64_t upto);
  /// Fixes a length that was left open. Errors: malformed (below what is there, or another one), unsupported.
  io::Task<Result<void>> set_length(UploadPtr upload, std::uint64_t length);
  /// From now on nothing becomes durable until settle(): either all of it, or what came is as if it never had. For a body whose
  /// digest is not known before its end, and may come much later. Everything must be durable. Whoever has the turn.
  void hold_back(Upload& upload) const;
  io::Task<Result<void>> settle(UploadPtr upload, bool keep);
  /// Back to an earlier offset, durably. Whoever has the turn. Errors: io, no_space.
  io::Task<Result<void>> rewind(UploadPtr upload, std::uint64_t offset);
  /// Back to nothing, for another file. Errors: those of rewind, unsupported.
  io::Task<Result<void>> restart(UploadPtr upload, std::optional<std::uint64_t> length, Bytes about);
  /// Digests of pieces of what is durable, from the disk where they are not known; fewer than `count` at the end.
  using HeldDigests = uploads::HeldDigests;
  io::Task<Result<HeldDigests>> digests(UploadPtr upload, std::uint64_t first, std::uint64_t count);
  /// What would seal it if it ended here: over the digests of all pieces, or SHA-256 of all bytes. Read from the disk only where
  /// it is not known. Errors: io.
  io::Task<Result<Hash>> digest_of(UploadPtr upload);
  /// One whole piece below the durable offset becomes these bytes, durably. Errors: conflict (no such piece), io, no_space.
  io::Task<Result<void>> replace_piece(UploadPtr upload, std::uint64_t piece, Bytes data);
  /// Whole, and what the sender says it is: from now on the upload is the store's user's. The digest is that over all pieces, or
  /// SHA-256 of all bytes where the store keeps that. Errors: conflict (bytes are missing), corrupt (other bytes than the
  /// sender's), io, no_space.
  io::Task<Result<void>> seal(UploadPtr upload, std::optional<Hash> digest);
  /// The same for one whose bytes lie in others, which its user has put together.
  io::Task<Result<void>> seal_joined(UploadPtr upload, std::uint64_t length, Hash digest);
  /// What came of a sealed upload. The bytes are removed; `forget` removes the rest.
  io::Task<Result<void>> commit(UploadPtr upload, Bytes result);
  /// True when that holds after a restart too: the disk has taken it.
  io::Task<bool> forget(UploadPtr upload);
  /// Its bytes are removed; who asks is told for a while that it has ended. True when that holds after a restart too.
  io::Task<bool> end(UploadPtr upload, resume::UploadEnd how, std::string reason);
  /// What is missing of an open one, in words, when its file has become shorter than what was acknowledged: it can only be ended.
  /// For whoever has the turn.
  io::Task<std::optional<std::string>> find_loss(UploadPtr upload);
  /// Seconds until it expires if nothing comes.
  std::uint64_t expires_in(const Upload& upload) const;
  io::Duration idle_for(const Upload& upload) const;  // since the last byte, also over restarts
  /// Whoever asks for it behind that time finds it ended, though the sweep comes once a minute.
  io::Task<void> end_if_expired(UploadPtr upload);

 private:
  io::Task<void> take_alone(UploadPtr upload);
  io::Task<Result<void>> append_in_order(UploadPtr upload, std::uint64_t at, Buffer data);
  io::Task<Result<void>> journal(UploadPtr upload, Bytes records);
  io::Task<Result<void>> sync_in_order(UploadPtr upload);
  io::Task<void> mend(UploadPtr upload);
  io::Task<Result<void>> end_if_taken_away(UploadPtr upload, Result<void> done);
  io::Task<void> forget_oldest();
  Result<void> lock_spool();
  io::Task<Result<void>> know_tail(UploadPtr upload);
  Result<Hash> digest_of_piece(Upload& upload, std::uint64_t piece, std::uint64_t durable) const;
  io::Task<Result<void>> go_back(UploadPtr upload, std::uint64_t offset, resume::UploadLog to);
  void forget_digests(Upload& upload) const;
  void make_tombstone(Upload& upload) const;
  io::Task<bool> make_room(std::uint64_t bytes, const Upload* keep);
  io::Task<bool> measure();
  io::Task<void> evict(UploadPtr upload);
  bool is_dormant(const Upload& upload) const;
  bool may_promise(std::uint64_t length) const;
  UploadPtr longest_dormant(const Upload* keep) const;
  std::uint64_t promised(const Upload& upload) const;
  std::uint64_t lifetime(const Upload& upload) const;
  io::Task<void> sweep();
  void close_idle();
  io::Task<void> sync_quietly(UploadPtr upload);
  Result<void> scan(std::vector<UploadPtr>& found);
  Result<UploadPtr> adopt(const SpoolDirectory& directory, const std::string& name);
  void add(UploadPtr upload);

  World world_;
  const StoreOptions options_;
  SpoolDirectory receiving_, sealed_;
  Secret token_key_;
  std::map<std::string_view, UploadPtr> uploads_;  // by names that lie in them
  std::vector<const Upload*> by_id_;               // in the order of their ids
  std::set<std::string> creating_, removing_;
  io::Event removed_, evicted_;
  std::unique_ptr<io::File> lock_;  // on the spool: one process at a time
  std::set<UploadPtr> unsynced_;
  StoreCounters counters_;
  std::uint64_t free_bytes_ = 0;  // of the disk, a moment ago
  std::uint64_t arriving_bytes_ = 0, arrived_since_measured_ = 0, leaving_bytes_ = 0;
};

}  // namespace holdfast::uploads
