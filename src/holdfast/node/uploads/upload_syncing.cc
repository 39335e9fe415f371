// What is written becomes durable, or is given up. Only here, where somebody goes back and at a start does the durable offset change.
#include <algorithm>

#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {
namespace {

/// What the journal should say now, where it is too long or nobody knows what it says; otherwise nothing. From the loop: the log
/// may change while a job runs.
Bytes journal_anew(const Upload& upload) {
  return upload.files.journal_is_good() ? Bytes() : resume::compact_upload(upload.log);
}

/// In a job, by whoever has the journal. That it stays long is no reason to fail.
Result<void> add_records(SpoolFiles& files, ByteView anew, ByteView records) {
  if (!anew.empty()) {
    Result<void> replaced = files.write_journal(anew);
    if (!replaced && !files.journal_is_certain()) return replaced;
  }
  return files.append_journal(records);
}

}  // namespace

io::Task<Result<void>> UploadStore::journal(UploadPtr upload, Bytes records) {
  const bool acquired = co_await upload->journalling.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->journalling);
  if (upload->has_ended()) co_return tl::make_unexpected(gone_error());
  const Bytes anew = journal_anew(*upload);
  auto job = [&] { return add_records(upload->files, anew, records); };
  co_return co_await world_.disk.run(job);
}

/// When it is the journal that fails, the bytes are safe, and a later sync says so. When it is the bytes, a later one would be told
/// that all is well, for the system tells an error once: so nobody may ask again before these bytes are cut off.
io::Task<Result<void>> UploadStore::sync_in_order(UploadPtr upload) {
  const bool acquired = co_await upload->journalling.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->journalling);
  if (upload->has_ended()) co_return tl::make_unexpected(gone_error());
  if (!upload->is_open()) co_return Result<void>{};
  if (upload->trouble) co_return tl::make_unexpected(*upload->trouble);
  const std::uint64_t target = upload->written;
  if (target == upload->log.durable || upload->held_back) co_return Result<void>{};
  const std::optional<Hash> state = upload->whole_state;
  const io::Time begun = world_.loop.now();
  const std::int64_t wall = world_.loop.wall_seconds();
  const Bytes anew = journal_anew(*upload);
  const Bytes record = resume::encode_durable(target, wall, state);
  Result<void> bytes_synced;
  auto job = [&]() -> Result<void> {
    bytes_synced = upload->files.sync();
    if (!bytes_synced) return bytes_synced;
    return add_records(upload->files, anew, record);
  };
  const Result<void> synced = co_await world_.disk.run(job);
  if (!synced) ++counters_.sync_failures;
  if (!bytes_synced) {
    upload->trouble = bytes_synced.error();
    world_.log.error("an upload lost " + std::to_string(upload->written - upload->log.durable) +
                     " bytes that could not be synced: " + bytes_synced.error().what);
  }
  if (!synced) co_return synced;
  ++counters_.syncs;
  upload->log.durable = target;
  upload->log.digest_state = state;
  upload->log.active_wall = std::max(upload->log.active_wall, wall);
  upload->unsynced_since = begun;
  if (upload->written > target) unsynced_.insert(upload);
  co_return Result<void>{};
}

/// Of a sync that failed nobody knows what it left: what was not durable before is as if it had never come. The journal first: with
/// a record too many it would promise, at the next start, what is cut off.
io::Task<void> UploadStore::mend(UploadPtr upload) {
  co_await take_alone(upload);
  if (upload->trouble && upload->is_open()) {
    const Bytes anew = journal_anew(*upload);
    auto job = [&, durable = upload->log.durable]() -> Result<void> {
      upload->files.close();
      if (!upload->files.journal_is_certain()) HF_TRY_VOID(upload->files.write_journal(anew));
      return upload->files.cut(durable);
    };
    const Result<void> mended = co_await world_.disk.run(job);
    if (mended) {
      upload->written = upload->log.durable;
      forget_digests(*upload);
      unsynced_.erase(upload);
      upload->trouble.reset();
    } else {
      world_.log.error("nothing is taken for the upload " + upload->name().substr(0, 8) + ": " + mended.error().what);
    }
  }
  upload->journalling.release();
  upload->order.release();
}

/// Somebody has removed its files: what would come now would be nowhere.
io::Task<Result<void>> UploadStore::end_if_taken_away(UploadPtr upload, Result<void> done) {
  const bool taken_away = !done && done.error().code == Errc::not_found && upload->is_open();
  if (taken_away) {
    ++counters_.failed;
    co_await end(upload, resume::UploadEnd::failed,
                 "its files are gone from the disk here: the file must be sent again");
  }
  co_return done;
}

io::Task<Result<void>> UploadStore::sync(UploadPtr upload) {
  Result<void> synced = co_await sync_in_order(upload);
  if (upload->trouble) co_await mend(upload);
  co_return co_await end_if_taken_away(upload, std::move(synced));
}

io::Task<Result<void>> UploadStore::sync(UploadPtr upload, std::uint64_t upto) {
  HF_CO_TRY_VOID(co_await sync(upload));
  if (upload->written < upto) co_return tl::make_unexpected(lost_error());
  co_return Result<void>{};
}

}  // namespace holdfast::uploads
