// The end of a sender's part: the upload is whole, its digest is known, and it passes to the store's user.
#include <algorithm>

#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {
namespace {

constexpr std::uint64_t kHashedInOneJob = 16 * 1'048'576;

}  // namespace

io::Task<Result<Hash>> UploadStore::digest_of(UploadPtr upload) {
  if (!options_.whole_digest) {
    HF_CO_TRY(const HeldDigests held, co_await digests(upload, 0, ~std::uint64_t{0}));
    co_return resume::digest_of_pieces(held.pieces);
  }
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (upload->gone) co_return tl::make_unexpected(gone_error());
  HF_CO_TRY_VOID(co_await know_tail(upload));
  if (upload->whole != nullptr) co_return upload->whole->digest();
  auto whole = std::make_unique<resume::WholeDigest>();
  Bytes bytes;
  auto job = [&]() -> Result<void> {
    const std::uint64_t stop = std::min(upload->written, whole->size() + kHashedInOneJob);
    while (whole->size() < stop) {
      bytes.resize(std::min(resume::kPieceBytes, stop - whole->size()));
      HF_TRY_VOID(upload->files.read(whole->size(), bytes));
      whole->update(bytes);
    }
    return {};
  };
  while (whole->size() < upload->written) HF_CO_TRY_VOID(co_await world_.disk.run(job));
  upload->whole = std::move(whole);
  co_return upload->whole->digest();
}

io::Task<Result<void>> UploadStore::seal(UploadPtr upload, std::optional<Hash> digest) {
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  HF_CO_TRY_VOID(co_await sync(upload));
  if (upload->log.length != upload->log.durable) co_return fail(Errc::conflict, "bytes are missing");
  if (!upload->log.withdrawn.empty()) co_return fail(Errc::corrupt, "a piece was being replaced and is not whole");
  HF_CO_TRY(const Hash held, co_await digest_of(upload));
  if (digest && *digest != held) co_return fail(Errc::corrupt, "other bytes are held than were sent");
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  // A write that failed may have left bytes behind the end.
  auto trim = [&upload, length = upload->log.durable]() -> Result<void> {
    HF_TRY(const std::uint64_t size, upload->files.data_bytes());
    if (size < length) return fail(Errc::io, what_is_lost(length, size));
    if (size > length) HF_TRY_VOID(upload->files.cut(length));
    return {};
  };
  HF_CO_TRY_VOID(co_await world_.disk.run(trim));
  const std::int64_t wall = world_.loop.wall_seconds();
  HF_CO_TRY_VOID(co_await journal(upload, resume::encode_sealed(held, wall)));
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  upload->log.phase = resume::UploadPhase::sealed;
  upload->log.seal = held;
  upload->whole.reset();
  unsynced_.erase(upload);
  ++counters_.sealed;
  auto job = [&] {
    upload->files.close();
    return upload->files.move_to(sealed_);
  };
  // The journal has decided; where the files lie is put right at the next start if it must be.
  const Result<void> moved = co_await world_.disk.run(job);
  if (!moved) world_.log.warning("moving a sealed upload: " + moved.error().what);
  co_return Result<void>{};
}

io::Task<Result<void>> UploadStore::seal_joined(UploadPtr upload, std::uint64_t length, Hash digest) {
  HF_CHECK(upload->log.joined);
  const std::int64_t wall = world_.loop.wall_seconds();
  Bytes records;
  if (!upload->log.length) ::holdfast::append(records, resume::encode_length(length));
  ::holdfast::append(records, resume::encode_durable(length, wall));
  ::holdfast::append(records, resume::encode_sealed(digest, wall));
  HF_CO_TRY_VOID(co_await journal(upload, std::move(records)));
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  upload->log.length = upload->log.durable = length;
  upload->log.phase = resume::UploadPhase::sealed;
  upload->log.seal = digest;
  ++counters_.sealed;
  co_return Result<void>{};
}

}  // namespace holdfast::uploads
