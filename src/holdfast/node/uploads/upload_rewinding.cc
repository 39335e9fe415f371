// Taking back: bytes whose sender's digest was not theirs, bytes too many, an upload that begins anew.
#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {

void UploadStore::hold_back(Upload& upload) const {
  HF_CHECK(upload.written == upload.log.durable);
  upload.held_back = true;
}

io::Task<Result<void>> UploadStore::settle(UploadPtr upload, bool keep) {
  if (!std::exchange(upload->held_back, false)) co_return Result<void>{};
  if (keep) co_return co_await sync(upload);
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (!upload->is_open()) co_return Result<void>{};
  upload->written = upload->log.durable;
  forget_digests(*upload);
  unsynced_.erase(upload);
  auto job = [&upload] { return upload->files.cut(upload->log.durable); };
  co_return co_await world_.disk.run(job);
}

/// The journal becomes one that says so; then the file is cut, at the next start if not now.
io::Task<Result<void>> UploadStore::go_back(UploadPtr upload, std::uint64_t offset, resume::UploadLog to) {
  const bool ordered = co_await upload->order.acquire();
  if (!ordered) co_return tl::make_unexpected(stopped_error());
  const Holding order(upload->order);
  const bool acquired = co_await upload->journalling.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding journalling(upload->journalling);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  to.durable = offset;
  to.withdrawn.clear();
  to.digest_state.reset();
  to.active_wall = std::max(to.active_wall, world_.loop.wall_seconds());
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(upload->files.write_journal(resume::compact_upload(to)));
    return upload->files.cut(offset);
  };
  HF_CO_TRY_VOID(co_await world_.disk.run(job));
  upload->log = std::move(to);
  upload->written = offset;
  upload->held_back = false;
  forget_digests(*upload);
  unsynced_.erase(upload);
  co_return Result<void>{};
}

io::Task<Result<void>> UploadStore::rewind(UploadPtr upload, std::uint64_t offset) {
  HF_CHECK(offset <= upload->written);
  if (offset >= upload->log.durable && offset == upload->written) co_return Result<void>{};
  co_return co_await go_back(upload, offset, upload->log);
}

io::Task<Result<void>> UploadStore::restart(UploadPtr upload, std::optional<std::uint64_t> length, Bytes about) {
  if (length.value_or(0) > options_.upload_bytes_max)
    co_return fail(Errc::unsupported, "uploads of that size are not taken here");
  resume::UploadLog to = upload->log;
  to.creation.length = to.length = length;
  to.creation.about = std::move(about);
  co_return co_await go_back(upload, 0, std::move(to));
}

}  // namespace holdfast::uploads
