#include "holdfast/node/transfer/copy_verifier.h"

#include "holdfast/core/immutable/share_verifier.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kAttempts = 4;                      // of one read, while other servers answer
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

io::Task<Result<Bytes>> CopyVerifier::read_in_time(grid::StorageServer& server, ShareNumber share, Range range,
                                                   bool& drips) {
  io::CancelScope& outer = co_await io::this_scope();
  io::CancelScope scope(outer);
  io::TaskGroup limiting(outer);
  limiting.spawn(limit(range.size(), &scope, &drips));
  auto reading = server.read(cap_.storage_index, share, range);
  Result<Bytes> bytes = co_await reading.in(scope);
  limiting.cancel();
  co_await limiting.join();
  if (!bytes && drips) co_return fail(Errc::timeout, server.name() + " gives its bytes too slowly");
  co_return bytes;
}

io::Task<Result<Bytes>> CopyVerifier::read_patiently(grid::StorageServer& server, ShareNumber share, Range range) {
  for (unsigned failures = 1;; ++failures) {
    bool drips = false;
    Result<Bytes> bytes = co_await read_in_time(server, share, range, drips);
    if (bytes) {
      link_.heard();
      co_return bytes;
    }
    const Errc code = bytes.error().code;
    const bool passing = code == Errc::unavailable || code == Errc::timeout || code == Errc::cancelled;
    if (!passing || drips || failures == kAttempts) co_return bytes;
    HF_CO_TRY_VOID(co_await link_.pause(failures));
  }
}

io::Task<Result<void>> CopyVerifier::read_whole(grid::StorageServer& server, ShareNumber share) {
  immutable::ShareVerifier verifier({cap_.ueb_hash, cap_.k, cap_.n, cap_.size}, share);
  while (const std::optional<Range> range = verifier.next()) {
    HF_CO_TRY(const Bytes bytes, co_await read_patiently(server, share, *range));
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
