// Taking back: bytes whose sender's digest was not theirs, bytes too many, an upload that begins anew.
#include <algorithm>

#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {

void UploadStore::hold_back(Upload& upload) const {
  HF_CHECK(upload.written == upload.log.durable);
  upload.held_back = true;
}

io::Task<Result<void>> UploadStore::settle(UploadPtr upload, bool keep) {
  if (!upload->held_back) co_return Result<void>{};
  if (keep) {
    upload->held_back = false;
    co_return co_await sync(upload);
  }
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  upload->held_back = false;  // not before: a sync meanwhile would make it count
  upload->written = upload->log.durable;
  forget_digests(*upload);
  unsynced_.erase(upload);
  auto job = [&upload, durable = upload->written] { return upload->files.cut(durable); };
  co_return co_await world_.disk.run(job);
}

/// The journal becomes one that says so, and that is all that counts: the file is cut then, or when it is sealed, or at a start.
io::Task<Result<void>> UploadStore::go_back(UploadPtr upload, std::uint64_t offset, resume::UploadLog to) {
  if (upload->trouble) HF_CO_TRY_VOID(co_await sync(upload));
  const bool ordered = co_await upload->order.acquire();
  if (!ordered) co_return tl::make_unexpected(stopped_error());
  const Holding order(upload->order);
  const bool acquired = co_await upload->journalling.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding journalling(upload->journalling);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  if (upload->trouble) co_return tl::make_unexpected(*upload->trouble);
  to.durable = std::min(offset, upload->log.durable);
  to.withdrawn = upload->log.withdrawn;  // a piece that is torn stays so, unless it goes
  std::erase_if(to.withdrawn, [&](std::uint64_t piece) { return piece * resume::kPieceBytes >= to.durable; });
  to.digest_state.reset();
  to.active_wall = std::max(to.active_wall, world_.loop.wall_seconds());
  const Bytes anew = resume::compact_upload(to);
  auto replace = [&] { return upload->files.write_journal(anew); };
  const Result<void> replaced = co_await world_.disk.run(replace);
  if (replaced) {
    upload->log = std::move(to);
    upload->held_back = false;
  }
  // Also when it failed: what was to be taken back shall not become durable by itself.
  upload->written = upload->log.durable;
  forget_digests(*upload);
  unsynced_.erase(upload);
  if (!replaced) co_return replaced;
  auto cut = [&upload, durable = upload->written] { return upload->files.cut(durable); };
  const Result<void> is_cut = co_await world_.disk.run(cut);
  if (!is_cut) world_.log.warning("cutting the upload " + upload->name().substr(0, 8) + ": " + is_cut.error().what);
  co_return Result<void>{};
}

io::Task<Result<void>> UploadStore::rewind(UploadPtr upload, std::uint64_t offset) {
  if (offset >= upload->log.durable && offset == upload->written) co_return Result<void>{};
  co_return co_await go_back(upload, offset, upload->log);
}

io::Task<Result<void>> UploadStore::restart(UploadPtr upload, std::optional<std::uint64_t> length, Bytes about) {
  if (length.value_or(0) > options_.upload_bytes_max)
    co_return fail(Errc::unsupported, "uploads of that size are not taken here");
  if (about.size() > resume::kAboutBytesMax) co_return fail(Errc::malformed, kTooMuchAbout);
  resume::UploadLog to = upload->log;
  to.creation.length = to.length = length;
  to.creation.about = std::move(about);
  co_return co_await go_back(upload, 0, std::move(to));
}

}  // namespace holdfast::uploads
