// The write side of the store: appending, group commit, audit, completion.
#include <algorithm>

#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kUnsyncedBytesMax = 64 * 1'048'576;
constexpr io::Duration kSyncEvery = std::chrono::seconds(1);
constexpr unsigned kFailedAuditsMax = 3;

Error gone_error() { return {Errc::not_found, "the upload has ended meanwhile"}; }
Error stopped_error() { return {Errc::cancelled, "the server is stopping"}; }

}  // namespace

ShareStore::Writer::Writer(ShareStore& store, std::shared_ptr<IncomingUpload> upload, Range range)
    : store_(store), upload_(std::move(upload)), at_(range.begin) {
  writing_ = upload_->writings.insert(upload_->writings.end(), {range, store_.world_.loop.now()});
  ++upload_->users;
  store_.touch(*upload_);
}

ShareStore::Writer::~Writer() {
  upload_->writings.erase(writing_);
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
  const unsigned failed_syncs = upload.failed_syncs;
  auto job = [&] { return upload.files.write(at_, data, present); };
  Result<void> written = co_await store_.world_.disk.run(job);
  // A sync that failed meanwhile may have lost these bytes too.
  if (written && upload.failed_syncs != failed_syncs) written = fail(Errc::io, "what was written could not be synced");
  if (written) {
    const Range range{at_, at_ + data.size()};
    for (const Range& fresh : present.gaps(range).ranges()) {
      store_.counters_.bytes_written += fresh.size();
      (upload.resumable ? upload.unsynced : upload.held).add(fresh);
    }
    at_ += data.size();
    writing_->rest.begin = std::min(at_, writing_->rest.end);
    writing_->last_bytes = store_.world_.loop.now();
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
  if (synced) {
    upload->unsynced.subtract(ranges);
    upload->held.add(ranges);
  } else {
    // The kernel may have dropped all that was not synced, and says so only once: it counts as never received.
    upload->unsynced.clear();
    ++upload->failed_syncs;
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
  ++upload->failed_audits;
  const bool acquired = co_await upload->syncing.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  auto withdraw = [&] { return upload->files.withdraw(failed->wrong); };
  const Result<void> withdrawn = co_await world_.disk.run(withdraw);
  upload->syncing.release();
  HF_CO_TRY_VOID(withdrawn);
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
  if (upload->resumable && !upload->placing) {
    const Result<bool> passed = co_await audit(upload);
    if (upload->failed_audits >= kFailedAuditsMax) {
      upload->order.release();
      co_await drop(upload);
      co_return tl::make_unexpected(gone_error());
    }
    if (!passed || !*passed) co_return finish(passed);
  }
  const std::int64_t expires = world_.loop.wall_seconds() + kLeaseSeconds;
  std::vector<LeaseRecord> leases{{upload->lease.owner, upload->lease.renew, upload->lease.cancel, static_cast<std::uint32_t>(expires)}};
  for (const JournalLease& lease : upload->more_leases) leases.push_back({lease.owner, lease.renew, lease.cancel, static_cast<std::uint32_t>(expires)});
  const std::string target = paths_.share(upload->key.si, upload->key.share);
  const bool idle = co_await upload->syncing.acquire();
  if (!idle) co_return finish(tl::make_unexpected(stopped_error()));
  upload->placing = true;
  auto job = [&] {
    Result<void> placed = upload->files.become_share(target, leases);
    if (!placed && placed.error().code == Errc::conflict) upload->files.remove();  // another one was first
    return placed;
  };
  const Result<void> placed = co_await world_.disk.run(job);
  upload->placing = upload->files.placed();
  upload->syncing.release();
  const bool beaten = !placed && placed.error().code == Errc::conflict;
  if (!placed && !beaten) co_return finish(tl::make_unexpected(placed.error()));
  upload->gone = true;
  uploads_.erase(upload->key);
  dirty_.erase(upload);
  upload->order.release();
  if (placed) ++counters_.shares_completed;
  for (const auto& rival : uploads_of(upload->key.si, upload->key.share)) co_await drop(rival);
  if (beaten) co_return tl::make_unexpected(gone_error());
  co_return true;
}

/// Ends an upload and deletes its files; false when it has ended otherwise.
io::Task<bool> ShareStore::drop(std::shared_ptr<IncomingUpload> upload) {
  const bool first = co_await upload->order.acquire();
  if (!first) co_return false;
  const bool idle = co_await upload->syncing.acquire();
  const bool ends = idle && !upload->gone;
  if (ends) {
    upload->gone = true;
    dirty_.erase(upload);
    auto job = [&] { upload->files.remove(); };
    co_await world_.disk.run(job);
    uploads_.erase(upload->key);  // only now: the next one of this key uses the same names
  }
  if (idle) upload->syncing.release();
  upload->order.release();
  co_return ends;
}

/// Every second: what was written a while ago is synced; what has been idle too long goes.
io::Task<void> ShareStore::sweep() {
  const io::Time now = world_.loop.now();
  const std::set<std::shared_ptr<IncomingUpload>> dirty = dirty_;
  for (const auto& upload : dirty) {
    if (now - upload->last_sync >= kSyncEvery) background_.spawn(commit_quietly(upload));
  }
  const auto is_expired = [&](const IncomingUpload& upload) {
    const bool lasting = upload.resumable && !upload.empty();
    const auto life = std::chrono::seconds(lasting ? options_.partial_retention_seconds : options_.partial_idle_seconds);
    return upload.users == 0 && world_.loop.now() - upload.last_activity >= life;
  };
  std::vector<std::shared_ptr<IncomingUpload>> expired, idle;
  for (const auto& [key, upload] : uploads_) {
    if (upload->gone || upload->users > 0) continue;
    if (is_expired(*upload)) expired.push_back(upload);
    else if (now - upload->last_activity >= std::chrono::seconds(60) && upload->unsynced.empty()) idle.push_back(upload);
  }
  for (const auto& upload : expired) {
    if (!is_expired(*upload)) continue;  // somebody came back while others were deleted
    const bool dropped = co_await drop(upload);
    if (dropped) ++counters_.expired;
  }
  for (const auto& upload : idle) {
    if (upload->gone || upload->users > 0 || upload->order.available() == 0 || upload->syncing.available() == 0) continue;
    upload->files.close();
  }
}

}  // namespace holdfast::storage
