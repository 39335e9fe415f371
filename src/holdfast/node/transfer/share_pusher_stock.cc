// SharePusher towards servers without the resumption extension (storage protocol 11.3).
#include <algorithm>
#include <array>

#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/bytes_source.h"
#include "holdfast/node/transfer/share_pusher.h"

namespace holdfast::transfer {
namespace {

/// Byte 0 of every CHK share: the answer to it tells what is missing (storage protocol 11.3).
constexpr std::array<std::uint8_t, 1> kProbe{0};
/// A stock server forgets an upload that it has not heard of for half an hour.
constexpr io::Duration kKeepAlive = std::chrono::minutes(20);

}  // namespace

io::Task<Result<void>> SharePusher::learn_by_probe() {
  BytesSource probe(kProbe);
  const Result<grid::WriteAnswer> answer = co_await server_.write(job_.si, share_, 0, probe, secrets_.upload);
  if (answer) {
    if (answer->complete) {
      complete_by_others();
    } else {
      adopt(answer->required);
    }
    co_return Result<void>{};
  }
  if (answer.error().code == Errc::conflict) co_return co_await start_over();
  if (answer.error().code != Errc::not_found) co_return tl::make_unexpected(answer.error());
  HF_CO_TRY(const std::vector<ShareNumber> shares, co_await server_.list_shares(job_.si));
  if (std::ranges::find(shares, share_) != shares.end()) {
    complete_by_others();
    co_return Result<void>{};
  }
  co_return co_await allocate_anew();
}

/// A request that is on its way while the bytes of the next one are gathered.
struct SharePusher::Patch {
  Range range;
  Bytes body;
  Result<grid::WriteAnswer> answer = fail(Errc::cancelled, "stopped");
};

io::Task<Result<void>> SharePusher::gather(Patch& patch) {
  ShareBytes bytes(job_.encoder, job_.pipeline, reader_, share_, patch.range);
  patch.body.reserve(patch.range.size());
  while (patch.body.size() < patch.range.size()) {
    HF_CO_TRY(const ByteView piece, co_await bytes.next());
    append(patch.body, piece);
  }
  co_return Result<void>{};
}

io::Task<void> SharePusher::write(Patch* patch) {
  BytesSource body(patch->body);
  patch->answer = co_await server_.write(job_.si, share_, patch->range.begin, body, secrets_.upload);
  heard_of_us_ = job_.context.loop.now();
  note_sent(patch->range);
}

/// What is in an unanswered request may be lost on a stock server, so they are small there, and two are on their way, so
/// that the line is not idle for a round trip.
io::Task<Result<void>> SharePusher::send_two(Range range) {
  const std::uint64_t middle = range.begin + kStockPatchBytes;
  Patch first{{range.begin, middle}, {}}, second{{middle, range.end}, {}};
  HF_CO_TRY_VOID(co_await gather(first));
  io::TaskGroup group(co_await io::this_scope());
  group.spawn(write(&first));
  const Result<void> gathered = co_await gather(second);
  if (gathered) group.spawn(write(&second));
  co_await group.join();
  if (!gathered) co_return gathered;
  if (!first.answer) co_return co_await take(first.answer, first.range, true);
  if (!second.answer) co_return co_await take(second.answer, second.range, true);
  // Each tells what was missing when it was done: what both miss is missing still.
  Result<grid::WriteAnswer> both = std::move(second.answer);
  both->complete = both->complete || first.answer->complete;
  RangeSet since = both->required;
  since.subtract(first.answer->required);
  both->required.subtract(since);
  co_return co_await take(both, range, true);
}

/// While this share waits for its bytes (a slow line, a rate limit), the server must not take it for given up.
io::Task<void> SharePusher::keep_alive() {
  for (io::Time next = job_.context.loop.now() + kKeepAlive;; next = std::max(next, heard_of_us_ + kKeepAlive)) {
    const bool slept = co_await io::sleep_until(next);
    if (!slept) co_return;
    if (job_.context.loop.now() - heard_of_us_ < kKeepAlive) continue;
    heard_of_us_ = job_.context.loop.now();
    BytesSource probe(kProbe);
    static_cast<void>(
        co_await server_.write(job_.si, share_, 0, probe, secrets_.upload));  // what it says is asked for later
  }
}

}  // namespace holdfast::transfer
