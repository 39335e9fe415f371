#include "holdfast/node/transfer/copy_verifier.h"

#include "holdfast/core/immutable/share_verifier.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/life_sign.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kAttempts = 4;                               // of one read, while others are reached
constexpr std::uint64_t kMoved = 16'384;                        // as much more, and a read has come on
constexpr std::uint64_t kSlowestBytesASecond = 4'096;           // of all copies together
constexpr io::Duration kLook = std::chrono::milliseconds(200);  // as often as a line of progress is drawn

}  // namespace

/// A server whose bytes drip, each of them in time, would hold up what all others have shown. A slow line is not its fault, so of
/// each second a copy is charged its part only.
io::Task<void> CopyVerifier::watch(Piece* piece, io::CancelScope* reading) {
  while (piece->left > io::Duration::zero()) {
    const bool slept = co_await io::sleep_for(kLook);
    if (!slept) co_return;
    count(*piece);
    piece->left -= kLook / running_;
  }
  reading->cancel();
}

void CopyVerifier::count(Piece& piece) {
  progress_.done_bytes += piece.bytes.arrived - piece.counted;
  piece.counted = piece.bytes.arrived;
}

/// Behind what the piece holds, while time is left.
io::Task<Result<void>> CopyVerifier::read_in_time(grid::StorageServer& server, ShareNumber share, Range range,
                                                  Piece& piece) {
  io::CancelScope& outer = co_await io::this_scope();
  io::CancelScope scope(outer);
  io::TaskGroup watching(outer);
  watching.spawn(watch(&piece, &scope));
  auto reading = server.read_onto(cap_.storage_index, share, range, piece.bytes);
  const Result<void> came = co_await reading.in(scope);
  watching.cancel();
  co_await watching.join();
  count(piece);
  if (!came && piece.left <= io::Duration::zero())
    co_return fail(Errc::timeout, server.name() + " gives its bytes too slowly");
  co_return came;
}

/// Nobody has been heard since then, and nobody answers: a link that is down speaks against no copy.
io::Task<bool> CopyVerifier::link_is_down(io::Time since) {
  const io::CancelScope& scope = co_await io::this_scope();
  if (link_.last_heard() > since) co_return false;
  if (scope.cancelled() || link_.is_given_up()) co_return true;
  const bool up = co_await somebody_answers(context_.servers);
  if (up) link_.answered();
  co_return !up;
}

/// Goes on behind what has come, and waits for a link that is down.
io::Task<Result<Buffer>> CopyVerifier::read_patiently(grid::StorageServer& server, ShareNumber share, Range range) {
  Piece piece;
  piece.left = link_.patience().silence + std::chrono::seconds(range.size() / kSlowestBytesASecond);
  const grid::Arriving& bytes = piece.bytes;
  std::size_t moved_to = 0;
  unsigned failures = 0, faults = 0;
  for (;;) {
    const io::Time asked = context_.loop.now();
    const std::size_t before = bytes.arrived;
    const io::Duration left_before = piece.left;
    const Range rest{range.begin + before, range.end};
    Result<void> came = co_await read_in_time(server, share, rest, piece);
    if (bytes.arrived == range.size()) came = Result<void>{};  // also when the end of the answer is lost
    const bool moved = came || bytes.arrived - moved_to >= kMoved;
    if (moved) {
      link_.heard();
      moved_to = bytes.arrived;
      failures = faults = 0;
      progress_.waiting_for_link = false;
    }
    if (came) {
      piece.bytes.buffer.resize(bytes.arrived);
      co_return std::move(piece.bytes.buffer);
    }
    const Errc code = came.error().code;
    const bool passing = code == Errc::unavailable || code == Errc::timeout || code == Errc::cancelled;
    const bool drips = piece.left <= io::Duration::zero() && bytes.arrived > before;
    if (!passing) co_return tl::make_unexpected(came.error());
    if (bytes.arrived == before || drips) piece.left = left_before;  // silence is not slowness, and an outage neither
    if (moved && !drips) continue;
    const bool down = co_await link_is_down(asked);
    if (!down && (drips || ++faults == kAttempts)) co_return tl::make_unexpected(came.error());
    progress_.waiting_for_link = down;
    ++failures;
    HF_CO_TRY_VOID(co_await link_.pause(failures, came.error().what));
  }
}

io::Task<Result<void>> CopyVerifier::read_whole(grid::StorageServer& server, ShareNumber share) {
  immutable::ShareVerifier verifier({cap_.ueb_hash, cap_.k, cap_.n, cap_.size}, share);
  while (const std::optional<Range> range = verifier.next()) {
    HF_CO_TRY(const Buffer bytes, co_await read_patiently(server, share, *range));
    auto job = [&] { return verifier.on_bytes(bytes); };
    HF_CO_TRY_VOID(co_await context_.cpu.run(job));
  }
  co_return Result<void>{};
}

io::Task<Result<void>> CopyVerifier::verify(grid::StorageServer& server, ShareNumber share) {
  const bool mine = co_await slots_.acquire();
  if (!mine) co_return fail(Errc::cancelled, "stopped");
  ++running_;
  Result<void> outcome = co_await read_whole(server, share);
  --running_;
  progress_.waiting_for_link = false;
  if (!outcome && outcome.error().code == Errc::corrupt) {
    // A courtesy to its operator: whether it arrives changes nothing here.
    static_cast<void>(co_await server.advise_corrupt(cap_.storage_index, share, outcome.error().what));
  }
  slots_.release();
  co_return outcome;
}

}  // namespace holdfast::transfer
