#include "holdfast/node/gateway/open_file.h"

#include <algorithm>

#include "holdfast/core/cap/derive.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/node/transfer/readable_file.h"

namespace holdfast::gateway {
namespace {

constexpr std::uint64_t kPartOfWhatIsLeft = 8, kPartForWhatIsWanted = 16;  // one of so many

transfer::Patience patience_of(const GatewayLimits& limits) {
  transfer::Patience out;
  out.give_up_after = limits.no_progress;
  out.retry_max = std::chrono::seconds(5);  // somebody is waiting for each byte
  return out;
}

}  // namespace

Hash file_id_of(const cap::ChkReadCap& cap) {
  cap::ChkVerifyCap verify = cap::weaken(cap);
  verify.directory = false;  // the same bytes
  return crypto::sha256(view_of(cap::to_string(cap::Cap(verify))));
}

OpenFile::OpenFile(SharedState& shared, const cap::ChkReadCap& cap)
    : used_at(shared.context.loop.now()),
      shared_(shared),
      cap_(cap),
      id_(file_id_of(cap)),
      link_(shared.context.loop, shared.context.random, patience_of(shared.limits)),
      fetcher_(shared.context, link_, cap::storage_index_of(cap_.key), transfer::claim_of(cap_), &cap_.key),
      changed_(shared.context.loop),
      group_(shared.context.loop) {
  ++shared_.counters.files_opened;
  group_.spawn(open());
}

io::Task<void> OpenFile::open() {
  opened_ = co_await fetcher_.open();
  if (!*opened_ && !failed_) failed_ = opened_->error();
  changed_.notify_all();
}

void OpenFile::give_up(Error why) {
  failed_ = std::move(why);
  group_.cancel();
  changed_.notify_all();
}

std::shared_ptr<Run> OpenFile::join(SegmentNumber number, SegmentNumber length, SegmentNumber last_end,
                                    bool only_if_allowed) {
  SegmentNumber end = std::min(last_end, number + std::max<SegmentNumber>(length, 1));
  for (const auto& run : on_their_way_) {
    if (run->covers(number)) {
      ++run->readers;
      return run;
    }
    if (run->first > number) end = std::min(end, run->first);
  }
  for (SegmentNumber next = number + 1; next < end; ++next) {
    if (shared_.cache.has(id_, next)) end = next;
  }
  const std::uint64_t each = geometry().segment_size() + kSegmentOverheadBytes;
  // The more is held, the less is given to each, and the last of it only for what is wanted at once.
  const std::uint64_t left = shared_.held.left();
  if (only_if_allowed && left < std::max(2 * each, shared_.limits.held_bytes_max / kPartForWhatIsWanted))
    return nullptr;
  end = std::min(end, number + std::max<SegmentNumber>(1, left / kPartOfWhatIsLeft / each));
  std::uint64_t held = (end - number) * each;
  if (!shared_.held.take(held)) {
    if (only_if_allowed) return nullptr;
    end = number + 1;
    held = shared_.held.take(each) ? each : 0;
  }
  auto run = std::make_shared<Run>(shared_, number, end, held);
  run->readers = 1;
  on_their_way_.push_back(run);
  group_.spawn(fetch(run));
  return run;
}

void OpenFile::leave(Run& run) {
  if (--run.readers > 0 || run.done) return;
  std::erase_if(on_their_way_, [&](const auto& each) { return each.get() == &run; });
  if (run.running != nullptr) run.running->cancel();
}

io::Task<void> OpenFile::fetch(std::shared_ptr<Run> run) {
  io::CancelScope scope(co_await io::this_scope());
  run->running = &scope;
  io::Task<Result<std::vector<Buffer>>> fetching = fetch_segments(run->first, run->end);
  Result<std::vector<Buffer>> fetched = co_await fetching.in(scope);
  run->running = nullptr;
  std::erase(on_their_way_, run);
  if (fetched) {
    shared_.counters.segments_fetched += fetched->size();
    for (SegmentNumber i = run->first; i < run->end; ++i) {
      run->segments.push_back(std::make_shared<const Buffer>(std::move((*fetched)[i - run->first])));
      shared_.cache.put(id_, i, run->segments.back());
    }
  } else {
    run->error = fetched.error();
    if (fetched.error().code != Errc::cancelled) failed_ = fetched.error();
  }
  run->done = true;
  run->moved.notify_all();
}

io::Task<Result<std::vector<Buffer>>> OpenFile::fetch_segments(SegmentNumber first, SegmentNumber end) {
  const std::uint64_t each = geometry().segment_size() + kSegmentOverheadBytes;
  const std::uint64_t bytes = std::min((end - first) * each, shared_.limits.fetching_bytes_max);
  const bool allowed = co_await shared_.fetching.acquire(bytes);
  if (!allowed) co_return fail(Errc::cancelled, "stopped");
  if (fetches_++ == 0) link_.heard();  // patience begins with the first who waits, not when the file was last read
  Result<std::vector<Buffer>> out = co_await fetcher_.segments(first, end);
  --fetches_;
  shared_.fetching.release(bytes);
  co_return out;
}

io::Task<void> OpenFile::close() {
  group_.cancel();
  co_await group_.join();
  co_await fetcher_.close();
}

}  // namespace holdfast::gateway
