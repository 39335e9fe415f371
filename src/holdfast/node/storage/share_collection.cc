// The collector's hand in the store: one bucket at a time, while nobody renews a lease or places a share there.
#include <algorithm>

#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

using BucketVisit = ShareStore::BucketVisit;

/// All leases have ended, and there is at least one: what never had any stays.
Result<bool> is_due(io::File& file, const ExpiryPolicy& policy, std::optional<std::int64_t> now) {
  HF_TRY(const ContainerInfo info, inspect_container(file, false));
  if (info.kind == ContainerKind::unknown) return fail(Errc::corrupt, "not a share container");
  // Leases of mutable slots cannot be renewed here yet: nobody may be punished for that.
  if (info.kind != ContainerKind::immutable || !policy.immutable || !now) return false;
  HF_TRY(const std::vector<LeaseRecord> leases, read_leases(file, info));
  return !leases.empty() && std::ranges::all_of(leases, [&](const LeaseRecord& lease) {
    return lease_has_ended(policy, lease.expires, *now);
  });
}

/// Looks at one share. True when it is away.
Result<bool> visit_share(io::FileSystem& files, const std::string& path, const ExpiryPolicy& policy,
                         std::optional<std::int64_t> now, BucketVisit& visit) {
  HF_TRY(std::unique_ptr<io::File> file, files.open(path, io::Open::read));
  HF_TRY(const io::FileInfo info, file->info());
  ++visit.shares;
  visit.bytes += info.size;
  HF_TRY(const bool due, is_due(*file, policy, now));
  file.reset();
  if (!due) return false;
  HF_TRY_VOID(files.unlink(path));
  ++visit.dropped;
  visit.recovered_bytes += info.size;
  return true;
}

Result<BucketVisit> visit_bucket(io::FileSystem& files, const StorePaths& paths, const StorageIndex& si,
                                 const ExpiryPolicy& policy, std::optional<std::int64_t> now) {
  BucketVisit visit;
  const std::string bucket = paths.bucket(si);
  HF_TRY(const auto entries, files.list(bucket));
  std::size_t left = entries.size();
  for (const auto& entry : entries) {
    const auto number = share_number_of(entry.name);
    if (!number || entry.is_directory) continue;
    const Result<bool> away = visit_share(files, paths.share(si, *number), policy, now, visit);
    if (!away) ++visit.unreadable;
    if (away && *away) --left;
  }
  if (visit.dropped > 0) HF_TRY_VOID(files.sync_directory(bucket));
  if (left == 0 && files.remove_directory(bucket)) {
    visit.removed = true;
    HF_TRY_VOID(files.sync_directory(io::parent_path(bucket)));
  }
  return visit;
}

}  // namespace

io::Task<Result<BucketVisit>> ShareStore::collect(StorageIndex si, ExpiryPolicy policy) {
  const bool acquired = co_await leases_.acquire();
  if (!acquired) co_return fail(Errc::cancelled, "the server is stopping");
  if (!uploads_of(si).empty()) {  // a share may be on its way into this directory: another time
    leases_.release();
    co_return BucketVisit();
  }
  collecting_ = si;  // what comes now waits before it is placed
  const std::optional<std::int64_t> now = clock_.expiry_time(world_.loop.now(), world_.loop.wall_seconds());
  auto job = [&] { return visit_bucket(world_.files, paths_, si, policy, now); };
  Result<BucketVisit> visit = co_await world_.disk.run(job);
  collecting_.reset();
  collected_.notify_all();
  leases_.release();
  co_return visit;
}

}  // namespace holdfast::storage
