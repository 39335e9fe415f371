#include "grid/memory_helper.h"

#include <algorithm>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/node/transfer/node_stores.h"

namespace holdfast::test {
namespace {

using protocol::kHelperPieceBytes;

constexpr io::Duration kLatency = std::chrono::milliseconds(1);

/// Ciphertext as the segments of an upload.
class SpooledSegments final : public transfer::SegmentSource {
 public:
  SpooledSegments(ByteView bytes, const immutable::Geometry& geometry) : bytes_(bytes), geometry_(geometry) {}
  io::Task<Result<Buffer>> next() override { return again(next_++); }
  io::Task<Result<Buffer>> again(SegmentNumber segment) override {
    const Range range = geometry_.segment_range(segment);
    co_return to_buffer(bytes_.subspan(range.begin, range.size()));
  }
  io::Task<Result<void>> prove() override { co_return Result<void>{}; }

 private:
  const ByteView bytes_;
  const immutable::Geometry geometry_;
  SegmentNumber next_ = 0;
};

immutable::Geometry geometry_of(const protocol::HelperRequest& request) {
  immutable::Params params;
  params.k = request.needed;
  params.n = request.total;
  params.size = request.size;
  params.segment_size = request.segment_size;
  return immutable::Geometry::create(params).value();
}

/// What it would be if it were placed.
Bytes extension_of(ByteView ciphertext, const immutable::Geometry& geometry, const transfer::Context& context) {
  immutable::Encoder encoder(geometry, immutable::ShareLayout(geometry),
                             transfer::make_node_stores(context.files, context.journal_directory));
  const immutable::SegmentEncoder segments(geometry, nullptr);
  for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
    const Range range = geometry.segment_range(s);
    HF_CHECK(encoder.absorb(segments.encode(s, to_buffer(ciphertext.subspan(range.begin, range.size())))).has_value());
  }
  HF_CHECK(encoder.finish().has_value());
  return to_bytes(encoder.uri_extension());
}

}  // namespace

io::Task<Result<void>> MemoryHelper::arrive(Call call) {
  if (++calls[call] > 10'000) co_return fail(Errc::unauthorized, "asked too often");
  const bool slept = co_await io::sleep_for(kLatency);
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  const std::optional<Error> refused = refuse ? refuse(call) : std::nullopt;
  // Silence takes its time.
  if (refused && refused->code == Errc::timeout) co_await io::sleep_for(std::chrono::seconds(15));
  if (refused) co_return tl::make_unexpected(*refused);
  if (hangs_at == call) {
    co_await io::sleep_for(std::chrono::hours(1));
    co_return fail(Errc::cancelled, "stopped");
  }
  co_return Result<void>{};
}

Result<void> MemoryHelper::known(const std::string& path) const {
  if (upload.empty() || path != upload) return fail(Errc::not_found, "no such upload");
  return {};
}

protocol::HelperState MemoryHelper::now() const {
  if (finished) return *finished;
  State out;
  if (sealed_) {
    out.kind = State::Kind::encoding;
    out.total_bytes = request->size;
    return out;
  }
  out.upload = upload;
  out.offset = spool.size();
  out.busy = somebody_else_sends;
  return out;
}

protocol::HelperState MemoryHelper::told(Call call, State state) const {
  if (tamper) tamper(call, state);
  return state;
}

io::Task<Result<protocol::HelperVersion>> MemoryHelper::version() {
  HF_CO_TRY_VOID(co_await arrive(Call::version));
  co_return protocol::HelperVersion{};
}

io::Task<Result<protocol::HelperState>> MemoryHelper::begin(const StorageIndex& si, protocol::HelperRequest what,
                                                            const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::begin));
  if (si_ && *si_ != si) forget();
  si_ = si;
  requests.push_back(what);
  if (!request || (upload.empty() && !finished)) {
    request = std::move(what);
    if (upload.empty()) upload = "/helper/v1/uploads/" + name_ + "-" + std::to_string(++uploads_);
  }
  co_return told(Call::begin, now());
}

io::Task<Result<protocol::HelperState>> MemoryHelper::state(const StorageIndex& si, const grid::HelperIdentity&,
                                                            std::chrono::seconds wait) {
  HF_CO_TRY_VOID(co_await arrive(Call::state));
  if (upload.empty() && !finished) co_return fail(Errc::not_found, "no such upload");
  if (sealed_ && !finished && wait.count() > 0) HF_CO_TRY_VOID(co_await push(si));
  co_return told(Call::state, now());
}

io::Task<Result<std::uint64_t>> MemoryHelper::append(const std::string& path, std::uint64_t offset,
                                                     grid::ByteSource& source, const grid::HelperIdentity&,
                                                     const grid::OffsetTold& told) {
  HF_CO_TRY_VOID(co_await arrive(Call::append));
  HF_CO_TRY_VOID(known(path));
  if (somebody_else_sends) co_return fail(Errc::conflict, "somebody else sends");
  if (offset != spool.size()) co_return fail(Errc::conflict, "another offset");
  told_ = std::max(told_, offset);
  std::uint64_t left = UINT64_MAX;
  if (!cuts.empty()) {
    left = cuts.front();
    cuts.erase(cuts.begin());
  }
  for (std::uint64_t expected = source.length(); expected > 0;) {
    HF_CO_TRY(const ByteView chunk, co_await source.next());
    HF_CHECK(!chunk.empty() && chunk.size() <= expected);
    expected -= chunk.size();
    const ByteView arrived = chunk.first(std::min<std::uint64_t>(chunk.size(), left));
    holdfast::append(spool, arrived);
    received += arrived.size();
    left -= arrived.size();
    if (piece_takes.count() > 0) co_await io::sleep_for(piece_takes * arrived.size() / kHelperPieceBytes);
    if (left > 0) {
      tell_piece(told);
      continue;
    }
    spool.resize(spool.size() - std::min<std::uint64_t>(spool.size() - offset, lost_at_a_cut));
    ++broken;
    co_return fail(Errc::unavailable, "the connection broke");
  }
  std::uint64_t durable = spool.size();
  if (tamper_offset) tamper_offset(durable);
  co_return durable;
}

/// Whole pieces are durable when they are there, what is behind them at the end of the request.
void MemoryHelper::tell_piece(const grid::OffsetTold& told) {
  std::uint64_t durable = spool.size() / kHelperPieceBytes * kHelperPieceBytes;
  if (lost_at_a_cut > 0 || durable <= told_) return;
  told_ = durable;
  if (tamper_told) tamper_told(durable);
  told(durable);
}

io::Task<Result<std::uint64_t>> MemoryHelper::offset(const std::string& path, const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::offset));
  HF_CO_TRY_VOID(known(path));
  std::uint64_t durable = spool.size();
  if (tamper_offset) tamper_offset(durable);
  co_return durable;
}

std::vector<Hash> MemoryHelper::own_digests() const {
  std::vector<Hash> out;
  for (std::uint64_t at = 0; at < spool.size(); at += kHelperPieceBytes)
    out.push_back(
        crypto::sha256(ByteView(spool).subspan(at, std::min<std::uint64_t>(kHelperPieceBytes, spool.size() - at))));
  return out;
}

io::Task<Result<protocol::HelperDigests>> MemoryHelper::digests(const std::string& path, std::uint64_t first,
                                                                std::uint64_t count, const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::digests));
  HF_CO_TRY_VOID(known(path));
  protocol::HelperDigests out;
  out.first = first;
  out.offset = spool.size();
  const std::vector<Hash> all = own_digests();
  for (std::uint64_t piece = first; piece < std::min<std::uint64_t>(all.size(), first + count); ++piece)
    out.digests.push_back(all[piece]);
  if (tamper_digests) tamper_digests(out);
  co_return out;
}

io::Task<Result<void>> MemoryHelper::replace_piece(const std::string& path, std::uint64_t piece,
                                                   grid::ByteSource& source, const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::replace));
  HF_CO_TRY_VOID(known(path));
  Bytes bytes;
  while (bytes.size() < source.length()) {
    HF_CO_TRY(const ByteView chunk, co_await source.next());
    holdfast::append(bytes, chunk);
  }
  if (piece * kHelperPieceBytes + bytes.size() > spool.size()) co_return fail(Errc::conflict, "behind the offset");
  std::ranges::copy(bytes, spool.begin() + static_cast<std::ptrdiff_t>(piece * kHelperPieceBytes));
  received += bytes.size();
  replaced.push_back(piece);
  co_return Result<void>{};
}

io::Task<Result<protocol::HelperState>> MemoryHelper::complete(const std::string& path, std::uint64_t length,
                                                               const Hash& pieces, const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::complete));
  HF_CO_TRY_VOID(known(path));
  if (length != spool.size() || length != request->size) co_return fail(Errc::conflict, "it is not whole");
  Bytes all;
  for (const Hash& digest : own_digests()) holdfast::append(all, digest.view());
  if (crypto::sha256(all) != pieces) co_return fail(Errc::corrupt, "other pieces");
  sealed_ = true;
  co_return told(Call::complete, now());
}

io::Task<Result<void>> MemoryHelper::drop(const std::string& path, const grid::HelperIdentity&) {
  HF_CO_TRY_VOID(co_await arrive(Call::drop));
  ++drops;
  HF_CO_TRY_VOID(known(path));
  forget();
  co_return Result<void>{};
}

void MemoryHelper::forget() {
  upload.clear();
  spool.clear();
  told_ = 0;
  request.reset();
  finished.reset();
  sealed_ = false;
}

io::Task<Result<void>> MemoryHelper::push(const StorageIndex& si) {
  Bytes bytes = spool;
  if (before_push) before_push(bytes);
  const immutable::Geometry geometry = geometry_of(*request);
  State out;
  out.kind = State::Kind::done;
  if (places) {
    SpooledSegments source(bytes, geometry);
    transfer::PushPlan plan{si, crypto::private_upload_master(context_.lease_secret, si), geometry};
    plan.wishes.happy = request->happy;
    transfer::Progress progress;
    transfer::Pushed pushed;
    HF_CO_TRY_VOID(co_await transfer::push_shares(context_, std::move(plan), source, progress, pushed));
    out.ueb = pushed.uri_extension;
    for (const auto& [share, servers] : pushed.placed) {
      for (const grid::StorageServer* server : servers) out.shares[share].push_back(server->id());
    }
  } else {
    out.ueb = extension_of(bytes, geometry, context_);
    for (ShareNumber share = 0; share < request->total; ++share) out.shares[share] = {"v0-somewhere"};
  }
  finished = std::move(out);
  co_return Result<void>{};
}

}  // namespace holdfast::test
