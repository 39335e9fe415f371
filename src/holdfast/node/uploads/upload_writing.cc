// The write side of the store: who may send, appending, replacing.
#include <algorithm>
#include <utility>

#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {
namespace {

constexpr std::uint64_t kUnsyncedBytesMax = 64 * 1'048'576;
constexpr io::Duration kStalledAfter = std::chrono::seconds(2);
constexpr io::Duration kTakeoverMax = std::chrono::seconds(2);
constexpr std::uint64_t kDigestsInOneJob = 16;

}  // namespace

bool UploadStore::is_busy_for(const Upload& upload, const std::string& client) const {
  if (upload.turn == nullptr || upload.turn->client() == client) return false;
  return world_.loop.now() - std::max(upload.active, upload.turn->since) < kStalledAfter;
}

io::Task<Result<std::unique_ptr<Turn>>> UploadStore::take_turn(UploadPtr upload, std::string client) {
  if (is_busy_for(*upload, client)) co_return fail(Errc::conflict, "another client is sending this");
  const std::uint64_t ticket = ++upload->turns_asked;
  const io::Time deadline = world_.loop.now() + kTakeoverMax;
  if (upload->turn != nullptr) ++counters_.takeovers;
  while (upload->turn != nullptr) {
    upload->turn->scope.cancel();
    const Result<void> woken = co_await io::with_timeout(deadline - world_.loop.now(), upload->turn_free.told());
    if (!woken) co_return tl::make_unexpected(woken.error());
  }
  if (ticket != upload->turns_asked) co_return fail(Errc::cancelled, "a newer request has taken over");
  if (upload->gone) co_return tl::make_unexpected(gone_error());
  io::CancelScope& scope = co_await io::this_scope();
  auto turn = std::make_unique<Turn>(upload, std::move(client), scope, world_.loop.now());
  co_return turn;
}

/// Not counted: the chunks of a sender who sends one whole request after another, and questions.
void UploadStore::begin_body(Upload& upload) {
  const bool went_on = std::exchange(upload.body_broke_off, false) && upload.log.durable > 0;
  if (!went_on) return;
  ++counters_.resumed;
  counters_.bytes_resumed += upload.log.durable;
}

/// What is held of the piece, or of the block, that goes on has to be read again before its digest can.
io::Task<Result<void>> UploadStore::know_tail(UploadPtr upload) {
  const bool whole = options_.whole_digest;
  const bool missing =
      whole ? upload->whole == nullptr && (upload->whole_state || upload->written == 0) : upload->digests.needs_tail();
  if (!missing) co_return Result<void>{};
  const std::uint64_t unit = whole ? resume::WholeDigest::kBlockBytes : resume::kPieceBytes;
  auto job = [&]() -> Result<void> {
    const std::uint64_t begin = upload->written / unit * unit;
    Bytes tail(upload->written - begin);
    if (!tail.empty()) HF_TRY_VOID(upload->files.read(begin, tail));
    if (!whole) {
      upload->digests.set_tail(tail);
    } else if (upload->written == 0) {
      upload->whole = std::make_unique<resume::WholeDigest>();
    } else {
      upload->whole = std::make_unique<resume::WholeDigest>(*upload->whole_state, upload->written, tail);
    }
    return {};
  };
  co_return co_await world_.disk.run(job);
}

io::Task<Result<void>> UploadStore::append_in_order(UploadPtr upload, std::uint64_t at, Buffer data) {
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  if (upload->trouble) co_return tl::make_unexpected(*upload->trouble);
  if (at != upload->written) co_return tl::make_unexpected(lost_error());
  const std::uint64_t most = upload->log.length.value_or(options_.upload_bytes_max);
  if (data.size() > most - std::min(most, at)) co_return fail(Errc::malformed, "more bytes than the upload has");
  const bool fits = co_await make_room(data.size(), upload.get());
  if (!fits) co_return fail(Errc::no_space, "the spool is full; what is held stays");
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  HF_CO_TRY_VOID(co_await know_tail(upload));
  arriving_bytes_ += data.size();
  std::optional<Hash> whole_state;
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(upload->files.write(at, data));
    if (!options_.whole_digest) {
      upload->digests.update(data);
      return {};
    }
    upload->digests.pass_over(data.size());
    if (upload->whole == nullptr) return {};
    upload->whole->update(data);
    whole_state = upload->whole->state();
    return {};
  };
  const Result<void> written = co_await world_.disk.run(job);
  arriving_bytes_ -= data.size();
  if (!written) co_return written;
  if (upload->written == upload->log.durable) upload->unsynced_since = world_.loop.now();
  upload->written += data.size();
  upload->whole_state = whole_state;
  upload->received += data.size();
  counters_.bytes_received += data.size();
  arrived_since_measured_ += data.size();
  if (!data.empty()) hear(*upload);
  if (upload->is_open()) unsynced_.insert(upload);
  co_return Result<void>{};
}

io::Task<Result<void>> UploadStore::append(UploadPtr upload, std::uint64_t at, Buffer data) {
  Result<void> appended = co_await append_in_order(upload, at, std::move(data));
  const bool due = upload->written - upload->log.durable >= kUnsyncedBytesMax && !upload->held_back;
  if (appended && due) co_return co_await sync(upload);
  co_return co_await end_if_taken_away(upload, std::move(appended));
}

void UploadStore::forget_digests(Upload& upload) const {
  upload.digests = resume::PieceDigests(upload.written);
  upload.whole.reset();
  upload.whole_state = upload.log.digest_state;
}

io::Task<Result<void>> UploadStore::set_length(UploadPtr upload, std::uint64_t length) {
  if (upload->log.length == length) co_return Result<void>{};
  if (upload->log.length || length < upload->written) co_return fail(Errc::malformed, "the length is another one");
  if (length > options_.upload_bytes_max) co_return fail(Errc::unsupported, "uploads of that size are not taken here");
  HF_CO_TRY_VOID(co_await journal(upload, resume::encode_length(length)));
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  upload->log.length = length;
  co_return Result<void>{};
}

io::Task<Result<UploadStore::HeldDigests>> UploadStore::digests(UploadPtr upload, std::uint64_t first,
                                                                std::uint64_t count) {
  HF_CO_TRY_VOID(co_await sync(upload));
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (upload->gone) co_return tl::make_unexpected(gone_error());
  HeldDigests out;
  out.offset = upload->log.durable;  // it may grow meanwhile; what is written stays, for nothing is appended now
  const std::uint64_t pieces = resume::piece_count(out.offset);
  const std::uint64_t end = first + std::min(count, pieces - std::min(first, pieces));
  for (std::uint64_t at = first; at < end;) {
    // A few pieces a job: others want the disk too.
    const std::uint64_t stop = std::min(end, at + kDigestsInOneJob);
    auto job = [&]() -> Result<void> {
      for (; at < stop; ++at) {
        HF_TRY(const Hash digest, digest_of_piece(*upload, at, out.offset));
        out.pieces.push_back(digest);
      }
      return {};
    };
    HF_CO_TRY_VOID(co_await world_.disk.run(job));
    if (upload->has_ended()) co_return tl::make_unexpected(gone_error());  // whoever ended it waits
  }
  co_return out;
}

/// Known, or read now; of the last piece as far as `durable`. In a job, by whoever has the order.
Result<Hash> UploadStore::digest_of_piece(Upload& upload, std::uint64_t piece, std::uint64_t durable) const {
  // Of a piece that was being replaced nobody knows what is on the disk: none of its digests is right.
  if (upload.log.withdrawn.contains(piece)) return Hash{};
  const std::uint64_t begin = piece * resume::kPieceBytes;
  const std::uint64_t size = std::min(resume::kPieceBytes, upload.written - begin);
  const bool part = durable - begin < size;
  if (const std::optional<Hash> known = upload.digests.at(piece); known && !part) return *known;
  Bytes bytes(part ? durable - begin : size);
  HF_TRY_VOID(upload.files.read(begin, bytes));
  if (!part) upload.digests.set(piece, bytes);
  return crypto::sha256(bytes);
}

io::Task<Result<void>> UploadStore::replace_piece(UploadPtr upload, std::uint64_t piece, Bytes data) {
  HF_CO_TRY_VOID(co_await settle(upload, false));
  HF_CO_TRY_VOID(co_await sync(upload));
  const bool acquired = co_await upload->order.acquire();
  if (!acquired) co_return tl::make_unexpected(stopped_error());
  const Holding holding(upload->order);
  if (!upload->is_open()) co_return tl::make_unexpected(gone_error());
  const std::uint64_t durable = upload->log.durable;
  const bool exists = piece < resume::piece_count(durable);
  const std::uint64_t begin = exists ? piece * resume::kPieceBytes : 0;
  if (!exists || data.size() != std::min(resume::kPieceBytes, durable - begin) || upload->written != durable)
    co_return fail(Errc::conflict, "not a piece of what is held");
  if (!upload->log.withdrawn.contains(piece)) {
    HF_CO_TRY_VOID(co_await journal(upload, resume::encode_withdrawn(piece)));
    upload->log.withdrawn.insert(piece);
  }
  upload->digests.forget(piece);
  upload->log.digest_state.reset();
  upload->whole_state.reset();
  upload->whole.reset();
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(upload->files.write(begin, data));
    return upload->files.sync();
  };
  HF_CO_TRY_VOID(co_await world_.disk.run(job));
  HF_CO_TRY_VOID(co_await journal(upload, resume::encode_held(piece)));
  upload->log.withdrawn.erase(piece);
  upload->digests.set(piece, data);
  hear(*upload);
  ++counters_.pieces_replaced;
  counters_.bytes_received += data.size();
  co_return Result<void>{};
}

}  // namespace holdfast::uploads
