// The share store: complete shares, incomplete uploads, space. What the routes call.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/edge/io/log.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/worker_pool.h"
#include "holdfast/node/storage/incoming_upload.h"
#include "holdfast/node/storage/lease_expiry.h"
#include "holdfast/node/storage/patient_clock.h"
#include "holdfast/node/storage/store_paths.h"

namespace holdfast::storage {

struct StoreOptions {
  std::string directory;
  std::uint64_t reserved_bytes = 0;
  bool read_only = false;
  std::uint64_t partial_retention_seconds = 604'800;  // 0: no resumption extension
  std::uint64_t partial_idle_seconds = 1'800;
  std::optional<std::uint64_t> partial_bytes_max;  // of all partials; dormant ones are evicted, then bytes refused
  unsigned dormant_per_share_max = 2;
};

struct StoreCounters {
  std::uint64_t resumed_uploads = 0, bytes_saved = 0, evictions = 0, audit_failures = 0, audit_read_bytes = 0,
                expired = 0;
  std::uint64_t shares_completed = 0, bytes_written = 0, conflicts = 0, syncs = 0, sync_failures = 0;
  std::uint64_t advisories = 0, advisories_dropped = 0;
};

class ShareStore {
 public:
  struct World {
    io::Loop& loop;
    io::WorkerPool& disk;
    io::FileSystem& files;
    io::Log& log;
  };
  ShareStore(World world, StoreOptions options);
  ~ShareStore();

  /// Locks the directory and takes over what an earlier process left. Errors: conflict (another server has it), io.
  io::Task<Result<void>> open();
  /// Syncs, expires and measures until the scope is cancelled.
  io::Task<void> tend();
  /// Makes all that is written durable: the end of a clean stop.
  io::Task<void> flush();

  const StoreOptions& options() const { return options_; }
  bool resumes() const { return options_.partial_retention_seconds > 0; }
  /// Free space less the reservation, a second old at most; never blocks.
  std::uint64_t available() const { return options_.read_only ? 0 : free_ - std::min(free_, options_.reserved_bytes); }

  io::Task<Result<protocol::ShareSet>> list(StorageIndex si);

  struct Allocation {
    protocol::AllocateRequest request;
    LeaseRequest lease;
    Secret upload_secret;
    bool resumable = false;
  };
  io::Task<Result<protocol::AllocateReply>> allocate(StorageIndex si, Allocation allocation);
  /// Number of shares whose lease was added or renewed. Errors: not_found, no_space, io.
  io::Task<Result<std::size_t>> add_lease(StorageIndex si, LeaseRequest lease);

  /// One PATCH. Between appends the upload may be completed or aborted by others.
  class Writer {
   public:
    Writer(ShareStore& store, std::shared_ptr<IncomingUpload> upload, Range range);
    ~Writer();
    /// The next bytes. Errors: conflict, no_space, not_found (gone meanwhile), io.
    io::Task<Result<void>> append(Buffer data);
    /// Something came, though not yet enough to append: the sender is not silent.
    void hear();
    /// What has come should be appended, little as it is: a slow sender's bytes are to be durable a second after they came.
    bool is_due() const;
    struct Outcome {
      bool complete = false;
      RangeSet required;
    };
    /// Waits until all that was appended is durable; completes the share if it was the last missing part.
    io::Task<Result<Outcome>> finish();

   private:
    ShareStore& store_;
    std::shared_ptr<IncomingUpload> upload_;
    std::uint64_t at_;
    IncomingUpload::Writings::iterator writing_;
    io::Time appended_;
  };
  /// Errors: not_found, unauthorized (only uploads under other secrets), malformed (past the allocated size).
  Result<std::unique_ptr<Writer>> begin_write(const StorageIndex& si, ShareNumber share, const Secret& upload_secret,
                                              Range range, std::optional<std::uint64_t> total);
  /// Errors: not_found, unauthorized, unsupported (complete already).
  io::Task<Result<void>> abort(StorageIndex si, ShareNumber share, Secret upload_secret);
  io::Task<Result<protocol::UploadStatus>> status(StorageIndex si, Secret upload_secret);

  /// An open complete share. Errors: not_found.
  struct OpenShare {
    std::shared_ptr<io::File> file;
    std::uint64_t bytes = 0;
  };
  io::Task<Result<OpenShare>> open_share(StorageIndex si, ShareNumber share);
  io::Task<Result<Bytes>> read(OpenShare share, Range range);
  /// Errors: not_found.
  io::Task<Result<void>> advise_corrupt(StorageIndex si, ShareNumber share, std::string reason);

  /// What the garbage collector found and did in one bucket.
  struct BucketVisit {
    std::uint64_t shares = 0, bytes = 0, dropped = 0, recovered_bytes = 0, unreadable = 0;
    bool removed = false;  // it was empty
  };
  /// Drops the shares of a bucket of which all leases have ended. A bucket with uploads under way is left alone.
  io::Task<Result<BucketVisit>> collect(StorageIndex si, ExpiryPolicy policy);
  void restore_clock(std::int64_t estimate) { clock_.restore(world_.loop.now(), estimate); }
  std::optional<std::int64_t> clock_estimate() const { return clock_.estimate(world_.loop.now()); }

  struct Gauges {
    std::uint64_t active = 0, active_bytes = 0, dormant = 0, dormant_bytes = 0;
  };
  Gauges gauges() const;
  const StoreCounters& counters() const { return counters_; }

 private:
  using Uploads = std::map<UploadKey, std::shared_ptr<IncomingUpload>>;

  struct Listing {
    std::set<ShareNumber> immutable;
    std::set<ShareNumber> taken;  // names of mutable slots, and of what is no share: nothing can be placed there
  };
  Result<Listing> list_now(const StorageIndex& si);
  io::Task<Result<Listing>> durable_listing(StorageIndex si);
  std::vector<std::shared_ptr<IncomingUpload>> uploads_of(const StorageIndex& si) const;
  std::vector<std::shared_ptr<IncomingUpload>> uploads_of(const StorageIndex& si, ShareNumber share) const;
  std::shared_ptr<IncomingUpload> find(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) const;
  std::shared_ptr<IncomingUpload> create(const UploadKey& key, std::uint64_t allocated_size, UploadFiles files);
  bool active(const IncomingUpload& upload) const;
  /// Over all active uploads.
  struct Sums {
    io::Time at;
    std::uint64_t reserved = 0, promised = 0, empty = 0;
  };
  const Sums& sums();
  std::shared_ptr<IncomingUpload> longest_dormant(const IncomingUpload* keep) const;
  io::Task<void> evict(std::shared_ptr<IncomingUpload> upload);
  io::Task<bool> make_room(std::uint64_t bytes, const IncomingUpload* keep);
  bool may_promise(std::uint64_t allocated_size, const IncomingUpload* upload);
  io::Task<bool> make_way(std::uint64_t bytes, const IncomingUpload* keep);
  enum class Admission { refused, full, there, matched, made };
  io::Task<Admission> admit(const StorageIndex& si, ShareNumber share, const Allocation& allocation, const Hash& id,
                            std::uint64_t completed);
  io::Task<bool> make_resumable(std::shared_ptr<IncomingUpload> upload);
  io::Task<std::set<ShareNumber>> renew_all(StorageIndex si, std::set<ShareNumber> shares, LeaseRequest lease);
  std::int64_t lease_time() { return clock_.lease_time(world_.loop.now(), world_.loop.wall_seconds()); }
  void touch(IncomingUpload& upload);

  io::Task<Result<void>> commit(std::shared_ptr<IncomingUpload> upload);
  Error disk_failed(const Error& error);
  void forget_unsynced(IncomingUpload& upload, const Error& error);
  io::Task<void> commit_quietly(std::shared_ptr<IncomingUpload> upload);
  io::Task<void> sync_and_close(std::shared_ptr<IncomingUpload> upload);
  io::Task<Result<bool>> complete(std::shared_ptr<IncomingUpload> upload);
  io::Task<Result<bool>> audit(std::shared_ptr<IncomingUpload> upload);
  io::Task<void> watch_blocks(std::shared_ptr<IncomingUpload> upload, std::uint64_t offset, ByteView data);
  io::Task<bool> drop(std::shared_ptr<IncomingUpload> upload);
  io::Task<void> sweep();
  io::Task<void> measure();
  Result<void> count_advisories();
  Result<void> scan_incoming();
  Result<void> scan_bucket(const std::string& path, const StorageIndex& si);
  void adopt(const StorageIndex& si, ShareNumber share, const std::string& base);

  World world_;
  const StoreOptions options_;
  const StorePaths paths_;
  std::unique_ptr<io::File> lock_;
  Uploads uploads_;
  std::uint64_t free_ = 0;            // as measured last, and what was deleted since
  std::uint64_t arriving_bytes_ = 0;  // being written, not yet in any upload
  std::optional<Sums> sums_;          // nothing when they have changed
  StoreCounters counters_;
  std::set<std::shared_ptr<IncomingUpload>> dirty_;
  std::uint64_t advisory_files_ = 0, advisory_bytes_ = 0;  // of all processes that served the directory
  io::TaskGroup background_;
  io::Semaphore leases_;  // a container's lease list is read, then written
  PatientClock clock_;
  std::optional<StorageIndex> collecting_;  // where no share may be placed just now
  io::Event collected_;
  io::Event evicted_;
};

}  // namespace holdfast::storage
