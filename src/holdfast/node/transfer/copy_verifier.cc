#include "holdfast/node/transfer/copy_verifier.h"

#include "holdfast/core/immutable/share_verifier.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/life_sign.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kAttempts = 4;                      // of one read, while others are reached
constexpr std::uint64_t kMoved = 16'384;               // by an attempt that was cut: it has come on
constexpr std::uint64_t kSlowestBytesASecond = 4'096;  // of all copies together
constexpr io::Duration kLook = std::chrono::seconds(1);

}  // namespace

/// A server whose bytes drip, each of them in time, would hold up what all others have shown. A slow line is not its fault, so of
/// each second a copy is charged its part only.
io::Task<void> CopyVerifier::limit(std::uint64_t bytes, io::CancelScope* reading, bool* drips) const {
  io::Duration left = link_.patience().silence + std::chrono::seconds(bytes / kSlowestBytesASecond);
  while (left > io::Duration::zero()) {
    const bool slept = co_await io::sleep_for(kLook);
    if (!slept) co_return;
    left -= kLook / running_;
  }
  *drips = true;
  reading->cancel();
}

/// Behind what `out` holds.
io::Task<Result<void>> CopyVerifier::read_in_time(grid::StorageServer& server, ShareNumber share, Range range,
                                                  grid::Arriving& out, bool& drips) {
  io::CancelScope& outer = co_await io::this_scope();
  io::CancelScope scope(outer);
  io::TaskGroup limiting(outer);
  limiting.spawn(limit(range.size(), &scope, &drips));
  auto reading = server.read_onto(cap_.storage_index, share, range, out);
  const Result<void> came = co_await reading.in(scope);
  limiting.cancel();
  co_await limiting.join();
  if (!came && drips) co_return fail(Errc::timeout, server.name() + " gives its bytes too slowly");
  co_return came;
}

/// Goes on behind what has come, and waits for a link that is down: only what fails while others are reached speaks against a
/// copy.
io::Task<Result<Buffer>> CopyVerifier::read_patiently(grid::StorageServer& server, ShareNumber share, Range range) {
  grid::Arriving bytes;
  unsigned failures = 0, faults = 0;
  for (;;) {
    const Range rest{range.begin + bytes.arrived, range.end};
    bool drips = false;
    const Result<void> came = co_await read_in_time(server, share, rest, bytes, drips);
    const bool moved = came || bytes.arrived - (rest.begin - range.begin) >= kMoved;
    if (moved) {
      link_.heard();
      failures = faults = 0;
      progress_.waiting_for_link = false;
    }
    if (came) {
      bytes.buffer.resize(bytes.arrived);
      co_return std::move(bytes.buffer);
    }
    const Errc code = came.error().code;
    const bool passing = code == Errc::unavailable || code == Errc::timeout || code == Errc::cancelled;
    if (!passing || drips) co_return tl::make_unexpected(came.error());
    if (moved) continue;
    const bool up = co_await somebody_answers(context_.servers);
    if (up && ++faults == kAttempts) co_return tl::make_unexpected(came.error());
    progress_.waiting_for_link = !up;
    HF_CO_TRY_VOID(co_await link_.pause(++failures, came.error().what));
  }
}

io::Task<Result<void>> CopyVerifier::read_whole(grid::StorageServer& server, ShareNumber share) {
  immutable::ShareVerifier verifier({cap_.ueb_hash, cap_.k, cap_.n, cap_.size}, share);
  while (const std::optional<Range> range = verifier.next()) {
    HF_CO_TRY(const Buffer bytes, co_await read_patiently(server, share, *range));
    auto job = [&] { return verifier.on_bytes(bytes); };
    HF_CO_TRY_VOID(co_await context_.cpu.run(job));
    progress_.done_bytes += bytes.size();
  }
  co_return Result<void>{};
}

io::Task<Result<void>> CopyVerifier::verify(grid::StorageServer& server, ShareNumber share) {
  const bool mine = co_await slots_.acquire();
  if (!mine) co_return fail(Errc::cancelled, "stopped");
  ++running_;
  Result<void> outcome = co_await read_whole(server, share);
  --running_;
  if (!outcome && outcome.error().code == Errc::corrupt) {
    // A courtesy to its operator: whether it arrives changes nothing here.
    static_cast<void>(co_await server.advise_corrupt(cap_.storage_index, share, outcome.error().what));
  }
  slots_.release();
  co_return outcome;
}

}  // namespace holdfast::transfer
