#include "holdfast/node/gateway/file_reader.h"

#include <algorithm>

namespace holdfast::gateway {
namespace {

constexpr SegmentNumber kRunsAhead = 2;  // of what is sent; so many bytes, in as many runs as are allowed together

}  // namespace

FileReader::FileReader(OpenFile& file, std::function<bool()> leaves)
    : file_(file), leaves_(std::move(leaves)), came_(file.shared().context.loop.now()) {}

FileReader::~FileReader() {
  leave_all_but(0, 0);
}

/// Nothing has come for the file since then, as long as this reader has been here.
io::Duration FileReader::quiet_for() const {
  return file_.shared().context.loop.now() - std::max(came_, file_.last_heard());
}

/// Until the event, but with a look at the client now and then. On a slow line the first segment takes long, and whoever is sent
/// away meanwhile finds it gone when he comes back: patience counts from the last byte, not from the request.
io::Task<Result<void>> FileReader::wait(io::Event& event) {
  const GatewayLimits& limits = file_.shared().limits;
  const Result<void> woken = co_await io::with_timeout(limits.look, event.told());
  if (woken) co_return woken;
  if (woken.error().code != Errc::timeout) co_return woken;
  looks_ = leaves_() ? looks_ + 1 : 0;
  if (looks_ >= limits.looks_before_leaving) {
    ++file_.shared().counters.clients_left;
    co_return fail(Errc::cancelled, "the client has left");
  }
  if (!has_read_ && quiet_for() >= limits.first_byte) co_return fail(Errc::timeout, "nothing comes");
  co_return Result<void>{};
}

io::Task<Result<void>> FileReader::open() {
  while (!file_.is_open()) {
    if (file_.failed()) co_return tl::make_unexpected(*file_.failed());
    HF_CO_TRY_VOID(co_await wait(file_.changed()));
  }
  co_return Result<void>{};
}

void FileReader::leave_all_but(SegmentNumber from, SegmentNumber end) {
  std::erase_if(runs_, [&](const std::shared_ptr<Run>& run) {
    const bool leave = run->end <= from || run->first >= end;
    if (leave) file_.leave(*run);
    return leave;
  });
}

Segment FileReader::at_hand(SegmentNumber number) {
  for (const auto& run : runs_) {
    if (run->covers(number) && run->done && !run->error) return run->segments[number - run->first];
  }
  return file_.shared().cache.find(file_.id(), number);
}

/// The next segments that are neither here nor on their way, so that the line is never idle for a round trip.
void FileReader::read_ahead(SegmentNumber number, SegmentNumber last_end) {
  const SegmentNumber runs = run_length_->slow() ? 1 : kRunsAhead;
  const SegmentNumber until = std::min(last_end, number + 1 + runs * run_length_->now());
  for (SegmentNumber next = number + 1; next < until && runs_.size() <= transfer::RunLength::kTogether;) {
    const auto mine = std::ranges::find_if(runs_, [&](const auto& run) { return run->covers(next); });
    if (mine != runs_.end()) {
      next = (*mine)->end;
    } else if (file_.shared().cache.has(file_.id(), next)) {
      ++next;
    } else {
      std::shared_ptr<Run> run = file_.join(next, run_length_->next(), last_end, true);
      if (run == nullptr) return;
      next = run->end;
      runs_.push_back(std::move(run));
    }
  }
}

io::Task<Result<Segment>> FileReader::segment(SegmentNumber number, SegmentNumber last_end) {
  leave_all_but(number, last_end);
  const bool new_one = std::exchange(at_, number) != number;
  Segment found = at_hand(number);
  if (found != nullptr) {
    const bool mine = std::ranges::any_of(runs_, [&](const auto& run) { return run->covers(number); });
    if (new_one && !mine) ++file_.shared().counters.segments_from_cache;
    if (new_one && mine) run_length_->arrived();
    read_ahead(number, last_end);
    co_return found;
  }
  // One that was read ahead and failed is tried again now that it is wanted.
  std::erase_if(runs_, [&](const std::shared_ptr<Run>& run) {
    const bool failed = run->covers(number) && run->done;
    if (failed) file_.leave(*run);
    return failed;
  });
  auto mine = std::ranges::find_if(runs_, [&](const auto& run) { return run->covers(number); });
  if (mine == runs_.end()) {
    runs_.push_back(file_.join(number, run_length_->next(), last_end, false));
    mine = std::prev(runs_.end());
  }
  const std::shared_ptr<Run> run = *mine;
  read_ahead(number, last_end);
  while (!run->done) HF_CO_TRY_VOID(co_await wait(run->moved));
  if (run->error) co_return tl::make_unexpected(*run->error);
  run_length_->came(run->asked, run->end - run->first);
  run_length_->arrived();
  found = run->segments[number - run->first];
  if (run->held == 0) leave_all_but(run->end, last_end);
  co_return found;
}

io::Task<Result<Piece>> FileReader::read(Range range) {
  const immutable::Geometry& geometry = file_.geometry();
  const GatewayLimits& limits = file_.shared().limits;
  if (!run_length_) run_length_.emplace(file_.shared().context.loop, geometry.segment_size(), limits.run_bytes_max);
  const SegmentNumber number = range.begin / geometry.segment_size();
  const SegmentNumber last_end = (range.end - 1) / geometry.segment_size() + 1;
  HF_CO_TRY(Segment found, co_await segment(number, last_end));
  const std::uint64_t at = range.begin - geometry.segment_range(number).begin;
  const std::uint64_t count = std::min<std::uint64_t>({found->size() - at, range.size(), limits.piece_bytes});
  Piece piece{found, ByteView(*found).subspan(at, count)};
  const bool held = std::ranges::any_of(runs_, [&](const auto& run) { return run->covers(number) && run->held > 0; });
  if (!held) {
    // A client that takes this piece slowly must not keep the whole segment in memory.
    piece.owner = std::make_shared<const Buffer>(to_buffer(piece.bytes));
    piece.bytes = *piece.owner;
  }
  has_read_ = true;
  co_return std::move(piece);
}

}  // namespace holdfast::gateway
