// The write side of the store: appending, group commit, audit, completion.
#include <algorithm>

#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kUnsyncedBytesMax = 64 * 1'048'576;
constexpr io::Duration kSyncEvery = std::chrono::seconds(1);

Error gone_error() { return {Errc::not_found, "the upload has ended meanwhile"}; }
Error stopped_error() { return {Errc::cancelled, "the server is stopping"}; }

}  // namespace

ShareStore::Writer::Writer(ShareStore& store, std::shared_ptr<IncomingUpload> upload, std::uint64_t offset)
    : store_(store), upload_(std::move(upload)), at_(offset) {
  ++upload_->users;
  store_.touch(*upload_);
}

ShareStore::Writer::~Writer() {
  --upload_->users;
  store_.touch(*upload_);
}

io::Task<Result<void>> ShareStore::Writer::append(Bytes data) {
  IncomingUpload& upload = *upload_;
  const bool acquired = co_await upload.order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  if (upload.gone) {
    upload.order.release();
    co_return tl::make_unexpected(gone_error());
  }
  const RangeSet present = upload.present();
  auto job = [&] { return upload.files.write(at_, data, present); };
  const Result<void> written = co_await store_.world_.disk.run(job);
  if (written) {
    const Range range{at_, at_ + data.size()};
    for (const Range& fresh : present.gaps(range).ranges()) {
      store_.counters_.bytes_written += fresh.size();
      (upload.resumable ? upload.unsynced : upload.held).add(fresh);
    }
    at_ += data.size();
    store_.touch(upload);
    if (!upload.unsynced.empty()) store_.dirty_.insert(upload_);
  } else if (written.error().code == Errc::conflict) {
    ++store_.counters_.conflicts;
  }
  upload.order.release();
  if (!written) co_return written;
  if (upload.unsynced.total() >= kUnsyncedBytesMax) co_return co_await store_.commit(upload_);
  co_return Result<void>{};
}

io::Task<Result<ShareStore::Writer::Outcome>> ShareStore::Writer::finish() {
  HF_CO_TRY_VOID(co_await store_.commit(upload_));
  if (upload_->gone) co_return tl::make_unexpected(gone_error());
  if (upload_->complete()) {
    HF_CO_TRY(const bool done, co_await store_.complete(upload_));
    if (done) {
      Outcome whole;
      whole.complete = true;
      co_return whole;
    }
  }
  Outcome outcome;
  outcome.required = upload_->required();
  co_return outcome;
}

/// Makes all that is written durable. One sync serves everybody who waits.
io::Task<Result<void>> ShareStore::commit(std::shared_ptr<IncomingUpload> upload) {
  if (upload->unsynced.empty()) co_return Result<void>{};
  const RangeSet wanted = upload->unsynced;
  const bool acquired = co_await upload->syncing.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const RangeSet ranges = upload->unsynced;
  if (upload->gone || ranges.empty()) {  // somebody else's sync covered it
    upload->syncing.release();
    for (const Range& range : wanted.ranges()) {
      if (!upload->gone && !upload->held.contains(range)) co_return fail(Errc::io, "what was written could not be synced");
    }
    co_return Result<void>{};
  }
  const JournalContent journal = upload->journal();
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(upload->files.make_durable(ranges, journal));
    return upload->files.compact_if_large([&] {
      JournalContent now = journal;
      now.held.add(ranges);
      return now;
    }());
  };
  const Result<void> synced = co_await world_.disk.run(job);
  ++counters_.syncs;
  upload->last_sync = world_.loop.now();
  upload->unsynced.subtract(ranges);
  if (synced) {
    upload->held.add(ranges);
  } else {
    // The kernel may have dropped those pages: they count as never received.
    ++counters_.sync_failures;
    world_.log.error("a partial share could not be made durable: " + synced.error().what);
  }
  if (upload->unsynced.empty()) dirty_.erase(upload);
  upload->syncing.release();
  co_return synced;
}

io::Task<void> ShareStore::commit_quietly(std::shared_ptr<IncomingUpload> upload) {
  static_cast<void>(co_await commit(std::move(upload)));  // failures are logged and leave the ranges required
}

/// True when the share is consistent (or opaque); else what is wrong has been withdrawn.
io::Task<Result<bool>> ShareStore::audit(std::shared_ptr<IncomingUpload> upload) {
  auto look = [&] { return upload->files.audit(upload->key.share); };
  HF_CO_TRY(const immutable::AuditVerdict verdict, co_await world_.disk.run(look));
  const auto* failed = std::get_if<immutable::AuditFailed>(&verdict);
  if (failed == nullptr) co_return true;
  ++counters_.audit_failures;
  auto withdraw = [&] { return upload->files.withdraw(failed->wrong); };
  HF_CO_TRY_VOID(co_await world_.disk.run(withdraw));
  upload->held.subtract(failed->wrong);
  co_return false;
}

/// All bytes are held: look at them, then make them a share. False when some must be sent again.
io::Task<Result<bool>> ShareStore::complete(std::shared_ptr<IncomingUpload> upload) {
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const auto finish = [&](Result<bool> result) {
    upload->order.release();
    return result;
  };
  if (upload->gone) co_return finish(tl::make_unexpected(gone_error()));
  if (!upload->complete()) co_return finish(false);
  if (upload->resumable) {
    const Result<bool> passed = co_await audit(upload);
    if (!passed || !*passed) co_return finish(passed);
  }
  const std::int64_t expires = world_.loop.wall_seconds() + kLeaseSeconds;
  std::vector<LeaseRecord> leases{{upload->lease.owner, upload->lease.renew, upload->lease.cancel, static_cast<std::uint32_t>(expires)}};
  for (const JournalLease& lease : upload->more_leases) leases.push_back({lease.owner, lease.renew, lease.cancel, static_cast<std::uint32_t>(expires)});
  const std::string target = paths_.share(upload->key.si, upload->key.share);
  auto job = [&] { return upload->files.become_share(target, leases); };
  const Result<void> placed = co_await world_.disk.run(job);
  if (!placed && placed.error().code != Errc::conflict) co_return finish(tl::make_unexpected(placed.error()));
  upload->gone = true;
  uploads_.erase(upload->key);
  dirty_.erase(upload);
  auto remove = [&] { upload->files.remove(); };
  if (!placed) co_await world_.disk.run(remove);
  upload->order.release();
  ++counters_.shares_completed;
  for (const auto& rival : uploads_of(upload->key.si, upload->key.share)) co_await drop(rival);
  if (!placed) co_return tl::make_unexpected(gone_error());
  co_return true;
}

/// Ends an upload and deletes its files.
io::Task<void> ShareStore::drop(std::shared_ptr<IncomingUpload> upload) {
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return;
  if (!std::exchange(upload->gone, true)) {
    uploads_.erase(upload->key);
    dirty_.erase(upload);
    const bool idle = co_await upload->syncing.acquire();
    auto job = [&] { upload->files.remove(); };
    co_await world_.disk.run(job);
    if (idle) upload->syncing.release();
  }
  upload->order.release();
}

/// Every second: what was written a while ago is synced; what has been idle too long goes.
io::Task<void> ShareStore::sweep() {
  const io::Time now = world_.loop.now();
  const std::set<std::shared_ptr<IncomingUpload>> dirty = dirty_;
  for (const auto& upload : dirty) {
    if (now - upload->last_sync >= kSyncEvery) background_.spawn(commit_quietly(upload));
  }
  std::vector<std::shared_ptr<IncomingUpload>> expired, idle;
  for (const auto& [key, upload] : uploads_) {
    if (upload->users > 0) continue;
    const io::Duration age = now - upload->last_activity;
    const bool lasting = upload->resumable && !upload->empty();
    const auto life = std::chrono::seconds(lasting ? options_.partial_retention_seconds : options_.partial_idle_seconds);
    if (age >= life) expired.push_back(upload);
    else if (age >= std::chrono::seconds(60) && upload->unsynced.empty()) idle.push_back(upload);
  }
  for (const auto& upload : expired) {
    ++counters_.expired;
    co_await drop(upload);
  }
  for (const auto& upload : idle) {
    if (upload->gone || upload->users > 0 || upload->order.available() == 0 || upload->syncing.available() == 0) continue;
    upload->files.close();
  }
}

}  // namespace holdfast::storage
