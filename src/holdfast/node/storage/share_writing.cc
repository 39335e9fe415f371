// The write side of the store: appending, group commit, audit, completion.
#include <algorithm>

#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kUnsyncedBytesMax = 64 * 1'048'576;
constexpr io::Duration kSyncedLately = std::chrono::milliseconds(250);  // or begun: a small file is whole by then
constexpr io::Duration kAppendEvery = std::chrono::milliseconds(250);
constexpr io::Duration kOpenIdleMax = std::chrono::seconds(60);
constexpr std::size_t kOpenIdleUploadsMax = 100;  // two descriptors each
constexpr unsigned kFailedAuditsMax = 3;
constexpr std::uint64_t kBlockHashBytesMax = 64 * 1'048'576;  // of all uploads

Error gone_error() {
  return {Errc::not_found, "the upload has ended meanwhile"};
}
Error stopped_error() {
  return {Errc::cancelled, "the server is stopping"};
}

/// A name that is missing or taken, or a file that may not be written, is the disk's trouble and no answer of the protocol; and
/// the paths of this server are not their business.
Error for_peers(const Error& error) {
  if (error.code == Errc::no_space) return {Errc::no_space, "the disk of this server is full"};
  return {Errc::io, "the disk of this server failed; its log says more"};
}

}  // namespace

ShareStore::Writer::Writer(ShareStore& store, std::shared_ptr<IncomingUpload> upload, Range range)
    : store_(store), upload_(std::move(upload)), at_(range.begin), appended_(store.world_.loop.now()) {
  writing_ = upload_->writings.insert(upload_->writings.end(), {range, store_.world_.loop.now()});
  store_.touch(*upload_);
  ++upload_->users;
}

ShareStore::Writer::~Writer() {
  upload_->writings.erase(writing_);
  --upload_->users;
  store_.touch(*upload_);
}

void ShareStore::Writer::hear() {
  writing_->last_bytes = store_.world_.loop.now();
}

bool ShareStore::Writer::is_due() const {
  return store_.world_.loop.now() - appended_ >= kAppendEvery;
}

io::Task<Result<void>> ShareStore::Writer::append(Buffer data) {
  IncomingUpload& upload = *upload_;
  const bool acquired = co_await upload.order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  if (upload.gone) {
    upload.order.release();
    co_return tl::make_unexpected(gone_error());
  }
  const std::uint64_t fresh_bytes = upload.present().gaps({at_, at_ + data.size()}).total();
  const bool fits = co_await store_.make_way(fresh_bytes, &upload);
  if (!fits) {
    upload.order.release();
    co_return fail(Errc::no_space, "incomplete uploads may not take more here");
  }
  store_.arriving_bytes_ += fresh_bytes;
  co_await store_.watch_blocks(upload_, at_, data);
  const RangeSet present = upload.present();
  const unsigned failed_syncs = upload.failed_syncs;
  const std::shared_ptr<immutable::ArrivingBlocks> blocks = upload.blocks;
  const bool afresh = upload.starts_afresh;
  auto job = [&]() -> Result<void> {
    if (afresh) HF_TRY_VOID(upload.files.start_afresh());
    Result<void> written = upload.files.write(at_, data, present);
    if (blocks != nullptr && written) blocks->on_bytes(at_, data);
    if (blocks != nullptr && !written) blocks->forget({at_, at_ + data.size()});
    return written;
  };
  Result<void> written = co_await store_.world_.disk.run(job);
  store_.arriving_bytes_ -= fresh_bytes;
  if (written && afresh) upload.starts_afresh = false;
  // A sync that failed meanwhile may have lost these bytes too.
  if (written && upload.failed_syncs != failed_syncs) written = fail(Errc::io, "what was written could not be synced");
  if (written) {
    const Range range{at_, at_ + data.size()};
    for (const Range& fresh : present.gaps(range).ranges()) {
      store_.counters_.bytes_written += fresh.size();
      (upload.resumable ? upload.unsynced : upload.held).add(fresh);
    }
    store_.sums_.reset();
    at_ += data.size();
    writing_->rest.begin = std::min(at_, writing_->rest.end);
    appended_ = store_.world_.loop.now();
    hear();
    store_.touch(upload);
    if (!upload.unsynced.empty()) store_.dirty_.insert(upload_);
  } else if (written.error().code == Errc::conflict) {
    ++store_.counters_.conflicts;
  } else {
    written = tl::make_unexpected(store_.disk_failed(written.error()));
  }
  upload.order.release();
  if (!written) co_return written;
  if (upload.unsynced.total() >= kUnsyncedBytesMax) co_return co_await store_.commit(upload_);
  co_return Result<void>{};
}

io::Task<Result<ShareStore::Writer::Outcome>> ShareStore::Writer::finish() {
  // What is whole before anything of it was acknowledged needs no journal: it becomes a share, or was never there.
  if (!upload_->whole_at_once()) HF_CO_TRY_VOID(co_await store_.commit(upload_));
  if (upload_->gone) co_return tl::make_unexpected(gone_error());
  if (upload_->complete() || upload_->whole_at_once()) {
    HF_CO_TRY(const bool done, co_await store_.complete(upload_));
    if (done) {
      Outcome whole;
      whole.complete = true;
      co_return whole;
    }
    HF_CO_TRY_VOID(co_await store_.commit(upload_));
  }
  Outcome outcome;
  outcome.required = upload_->required();
  co_return outcome;
}

/// The kernel may have dropped all that was not synced, and says so only once: it counts as never received.
void ShareStore::forget_unsynced(IncomingUpload& upload, const Error& error) {
  sums_.reset();
  upload.unsynced.clear();
  upload.blocks.reset();
  upload.starts_afresh = !upload.files.has_journal();
  ++upload.failed_syncs;
  ++counters_.sync_failures;
  world_.log.error("a partial share could not be made durable: " + error.what);
}

Error ShareStore::disk_failed(const Error& error) {
  world_.log.error("the disk failed: " + error.what);
  return for_peers(error);
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
      if (!upload->gone && !upload->held.contains(range))
        co_return fail(Errc::io, "what was written could not be synced");
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
  upload->journalled = upload->files.has_journal();
  ++counters_.syncs;
  upload->last_sync = world_.loop.now();
  if (synced) {
    upload->unsynced.subtract(ranges);
    upload->held.add(ranges);
  } else {
    forget_unsynced(*upload, synced.error());
  }
  if (upload->unsynced.empty()) dirty_.erase(upload);
  upload->syncing.release();
  if (!synced) co_return tl::make_unexpected(for_peers(synced.error()));
  co_return synced;
}

/// As soon as the header is known, hashes of blocks are kept for the audit (11.7). With `order` held. `data` is about to be
/// written at `offset`.
io::Task<void> ShareStore::watch_blocks(std::shared_ptr<IncomingUpload> upload, std::uint64_t offset, ByteView data) {
  if (upload->blocks != nullptr || upload->blocks_refused || !upload->resumable) co_return;
  Bytes header(std::min<std::uint64_t>(immutable::kHeaderBytesV2, upload->allocated_size));
  if (offset == 0 && data.size() >= header.size()) {
    std::copy_n(data.begin(), header.size(), header.begin());
  } else if (upload->present().contains(Range{0, header.size()})) {  // after a restart
    auto job = [&] { return upload->files.read(0, header); };
    const Result<void> read = co_await world_.disk.run(job);
    if (!read) co_return;
  } else {
    co_return;
  }
  std::uint64_t in_use = 0;
  for (const auto& [key, other] : uploads_) in_use += other->blocks == nullptr ? 0 : other->blocks->memory_bytes();
  auto blocks = immutable::ArrivingBlocks::create(upload->allocated_size, header,
                                                  kBlockHashBytesMax - std::min(in_use, kBlockHashBytesMax));
  upload->blocks_refused = !blocks;
  if (blocks) upload->blocks = std::make_shared<immutable::ArrivingBlocks>(std::move(*blocks));
}

io::Task<void> ShareStore::commit_quietly(std::shared_ptr<IncomingUpload> upload) {
  static_cast<void>(co_await commit(std::move(upload)));  // failures are logged and leave the ranges required
}

/// True when the share is consistent (or opaque); else what is wrong has been withdrawn.
io::Task<Result<bool>> ShareStore::audit(std::shared_ptr<IncomingUpload> upload) {
  co_await watch_blocks(upload, 0, {});
  const std::shared_ptr<immutable::ArrivingBlocks> blocks = upload->blocks;
  std::uint64_t bytes_read = 0;
  auto look = [&] { return upload->files.audit(upload->key.share, blocks.get(), bytes_read); };
  const Result<immutable::AuditVerdict> looked = co_await world_.disk.run(look);
  counters_.audit_read_bytes += bytes_read;
  if (!looked) co_return tl::make_unexpected(disk_failed(looked.error()));
  const immutable::AuditVerdict& verdict = *looked;
  const auto* failed = std::get_if<immutable::AuditFailed>(&verdict);
  if (failed == nullptr) co_return true;
  ++counters_.audit_failures;
  if (blocks != nullptr) {
    for (const Range& wrong : failed->wrong.ranges()) blocks->forget(wrong);
  }
  const bool acquired = co_await upload->syncing.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  auto withdraw = [&] { return upload->files.withdraw(failed->wrong); };
  const Result<void> withdrawn = co_await world_.disk.run(withdraw);
  upload->syncing.release();
  if (!withdrawn) co_return tl::make_unexpected(disk_failed(withdrawn.error()));
  ++upload->failed_audits;  // of one that could not be written down the same bytes are found again
  sums_.reset();
  upload->held.subtract(failed->wrong);
  upload->unsynced.subtract(failed->wrong);
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
  if (!upload->complete() && !upload->whole_at_once()) co_return finish(false);
  const unsigned failed_syncs = upload->failed_syncs;
  if (upload->resumable && !upload->placing) {
    const Result<bool> passed = co_await audit(upload);
    if (upload->failed_audits >= kFailedAuditsMax) {
      upload->order.release();
      co_await drop(upload);
      co_return tl::make_unexpected(gone_error());
    }
    if (!passed || !*passed) co_return finish(passed);
  }
  const std::uint32_t expires = lease_expiry(lease_time());
  std::vector<LeaseRecord> leases{{upload->lease.owner, upload->lease.renew, upload->lease.cancel, expires}};
  for (const JournalLease& lease : upload->more_leases)
    leases.push_back({lease.owner, lease.renew, lease.cancel, expires});
  const std::string target = paths_.share(upload->key.si, upload->key.share);
  const bool idle = co_await upload->syncing.acquire();
  if (!idle) co_return finish(tl::make_unexpected(stopped_error()));
  if (upload->failed_syncs != failed_syncs) {  // meanwhile; and the next one would seem to succeed
    upload->syncing.release();
    co_return finish(false);
  }
  while (collecting_ == upload->key.si) {  // the collector may be removing the directory
    const bool told = co_await collected_.wait();
    if (!told) break;
  }
  if (collecting_ == upload->key.si) {
    upload->syncing.release();
    co_return finish(tl::make_unexpected(stopped_error()));
  }
  // What has the name already is another one's, and must not be hidden together with this one.
  auto look = [&] { return !upload->files.placed() && world_.files.info(target).has_value(); };
  const bool taken = co_await world_.disk.run(look);
  upload->placing = !taken;
  auto job = [&] {
    Result<void> placed = upload->files.become_share(target, leases);
    if (!placed && placed.error().code == Errc::conflict)
      static_cast<void>(upload->files.remove());  // another was first
    return placed;
  };
  const Result<void> placed = co_await world_.disk.run(job);
  const bool beaten = !placed && placed.error().code == Errc::conflict;
  upload->placing = upload->files.placed();
  if (upload->placing) {  // it was synced before it got its name
    upload->held.add(upload->unsynced);
    upload->unsynced.clear();
  } else if (!placed && !beaten && (!upload->unsynced.empty() || !upload->files.has_journal())) {
    if (!upload->files.has_journal()) upload->held.clear();  // nobody would know of it at the next start
    forget_unsynced(*upload, placed.error());
  }
  upload->syncing.release();
  if (!placed && !beaten) co_return finish(tl::make_unexpected(disk_failed(placed.error())));
  upload->gone = true;
  sums_.reset();
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
    auto job = [&] { return upload->files.remove(); };
    const Result<void> removed = co_await world_.disk.run(job);
    if (!removed) world_.log.error("a partial share could not be deleted: " + removed.error().what);
    upload->left_behind = !removed;
    uploads_.erase(upload->key);  // only now: the next one of this key uses the same names
    sums_.reset();
  }
  if (idle) upload->syncing.release();
  upload->order.release();
  co_return ends;
}

/// Every second: what was written is synced, also of one that has just begun, so that who is cut off again and again keeps something
/// each time; what has been idle too long goes.
io::Task<void> ShareStore::sweep() {
  const io::Time now = world_.loop.now();
  const std::set<std::shared_ptr<IncomingUpload>> dirty = dirty_;
  for (const auto& upload : dirty) {
    // One that is being synced is looked at again at the next tick: on a slow disk they would pile up.
    const bool idle = upload->syncing.available() > 0;
    if (idle && now - upload->last_sync >= kSyncedLately) background_.spawn(commit_quietly(upload));
  }
  const auto is_expired = [&](const IncomingUpload& upload) {
    const bool lasting = upload.resumable && !upload.empty();
    const auto life =
        std::chrono::seconds(lasting ? options_.partial_retention_seconds : options_.partial_idle_seconds);
    return upload.users == 0 && world_.loop.now() - upload.last_activity >= life;
  };
  std::vector<std::shared_ptr<IncomingUpload>> expired, idle;
  for (const auto& [key, upload] : uploads_) {
    if (upload->gone || upload->users > 0) continue;
    if (!active(*upload)) upload->blocks.reset();  // others may need the memory; it will be read when it is complete
    if (is_expired(*upload))
      expired.push_back(upload);
    else if (upload->unsynced.empty())
      idle.push_back(upload);
  }
  for (const auto& upload : expired) {
    if (!is_expired(*upload)) continue;  // somebody came back while others were deleted
    const bool dropped = co_await drop(upload);
    if (dropped) ++counters_.expired;
  }
  co_await make_way(0, nullptr);  // the limit may be lower than it was
  // Who comes back soon finds its files open; but many uploads must not use up what the process may open.
  std::ranges::sort(idle, std::ranges::greater(), [](const auto& upload) { return upload->last_activity; });
  for (std::size_t i = 0; i < idle.size(); ++i) {
    IncomingUpload& upload = *idle[i];
    if (i < kOpenIdleUploadsMax && now - upload.last_activity < kOpenIdleMax) continue;
    const bool at_work = upload.users > 0 || upload.order.available() == 0 || upload.syncing.available() == 0;
    if (upload.gone || at_work || !upload.unsynced.empty()) continue;
    if (upload.resumable || upload.placing || !upload.files.is_open())
      upload.files.close();
    else
      background_.spawn(sync_and_close(idle[i]));
  }
}

/// What a client without the extension wrote is synced when it is whole. A file that was opened again in between might not be told
/// what went wrong before.
io::Task<void> ShareStore::sync_and_close(std::shared_ptr<IncomingUpload> upload) {
  const bool first = co_await upload->order.acquire();
  if (!first) co_return;
  const bool idle = co_await upload->syncing.acquire();
  if (idle && !upload->gone && !upload->placing && upload->unsynced.empty()) {  // that it is no legacy upload any more
    auto job = [&upload] {
      Result<void> synced = upload->files.sync_part();
      upload->files.close();
      return synced;
    };
    const Result<void> synced = co_await world_.disk.run(job);
    if (!synced) {
      upload->held.clear();
      forget_unsynced(*upload, synced.error());
    }
  }
  if (idle) upload->syncing.release();
  upload->order.release();
}

}  // namespace holdfast::storage
