#include "holdfast/node/transfer/segment_pipeline.h"

#include <algorithm>
#include <limits>

#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

constexpr std::size_t kAgainKept = 3;
constexpr std::size_t kAgainAtOnce = 2;
constexpr int kEndWaitsTimes = 10;  // as long as a reader

/// Of a source that is itself fetched.
bool passes(Errc code) {
  return code == Errc::unavailable || code == Errc::timeout || code == Errc::cancelled;
}

}  // namespace

SegmentPipeline::SegmentPipeline(const Context& context, SegmentSource& source,
                                 const immutable::SegmentEncoder& segment_encoder, immutable::Encoder& encoder,
                                 Limits limits)
    : SegmentPipeline(context, source, segment_encoder, encoder.geometry(),
                      Absorber{[&encoder](const immutable::EncodedSegment& segment) { return encoder.absorb(segment); },
                               [&encoder] { return encoder.finish(); },
                               [&encoder](const immutable::EncodedSegment& s) { return encoder.has_absorbed(s); }},
                      limits) {}

SegmentPipeline::SegmentPipeline(const Context& context, SegmentSource& source,
                                 const immutable::SegmentEncoder& segment_encoder, const immutable::Geometry& geometry,
                                 Absorber absorber, Limits limits)
    : context_(context),
      source_(source),
      segment_encoder_(segment_encoder),
      count_(geometry.num_segments()),
      absorber_(std::move(absorber)),
      limits_(limits),
      moved_(context.loop),
      again_slots_(context.loop, kAgainAtOnce),
      absorbing_(context.loop, 1) {
  const auto& params = geometry.params();
  const std::uint64_t encoded_bytes = params.segment_size / params.k * params.n;
  window_ = std::max<std::uint64_t>(2, limits.window_bytes / encoded_bytes);
}

void SegmentPipeline::Reader::seek(SegmentNumber segment) {
  position_ = segment;
  const bool in_time = segment >= pipeline_.front_ || pipeline_.made_.contains(segment);
  if (!in_time) {
    detach();  // the front will not come back: what it needs is made again
  } else if (!attached_ && !pipeline_.done_) {
    attached_ = true;
    pipeline_.attached_.insert(this);
  }
  pipeline_.drop_passed();
  pipeline_.moved_.notify_all();
}

void SegmentPipeline::Reader::detach() {
  if (!std::exchange(attached_, false)) return;
  pipeline_.attached_.erase(this);
  pipeline_.drop_passed();
  pipeline_.moved_.notify_all();
}

io::Task<Result<SharedSegment>> SegmentPipeline::Reader::segment(SegmentNumber wanted) {
  if (wanted != position_ || !attached_) seek(wanted);
  for (;;) {
    if (pipeline_.failed_) co_return tl::make_unexpected(*pipeline_.failed_);
    if (const auto it = pipeline_.made_.find(wanted); it != pipeline_.made_.end() && wanted < pipeline_.front_) {
      co_return it->second;
    }
    if (!attached_ && wanted < pipeline_.front_) co_return co_await pipeline_.make_again(wanted);
    if (!attached_) seek(wanted);
    ++pipeline_.starving_;
    const Result<void> woken = co_await pipeline_.moved_.told();
    --pipeline_.starving_;
    if (!woken) co_return tl::make_unexpected(woken.error());
  }
}

void SegmentPipeline::open() {
  open_ = true;
  waiting_since_ = context_.loop.now();
  drop_passed();
  moved_.notify_all();
}

SegmentNumber SegmentPipeline::slowest() const {
  SegmentNumber lowest = open_ ? std::numeric_limits<SegmentNumber>::max() : 0;
  for (const Reader* reader : attached_) lowest = std::min(lowest, reader->position_);
  return lowest;
}

void SegmentPipeline::drop_passed() {
  const SegmentNumber keep_from = slowest();
  while (!made_.empty() && made_.begin()->first < std::min(keep_from, front_)) made_.erase(made_.begin());
}

/// Lets go of the readers that hold `front` up.
void SegmentPipeline::leave_behind(SegmentNumber front) {
  const std::set<Reader*> readers = attached_;
  for (Reader* reader : readers) {
    if (reader->position_ + window_ > front) continue;
    reader->attached_ = false;
    attached_.erase(reader);
  }
  drop_passed();
  moved_.notify_all();
}

std::size_t SegmentPipeline::lagging(SegmentNumber front) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(attached_, [&](const Reader* reader) { return reader->position_ + window_ <= front; }));
}

/// Do those who could go on wait for the few that hold `front` up? When nearly all are as slow (a disk, the link), making
/// segments again for one would only take from the others.
bool SegmentPipeline::held_up(SegmentNumber front) const {
  return lagging(front) > 0 && starving_ * 2 >= attached_.size();
}

/// Nobody starves, but most wait for the end alone, to prove what was there before: the few that are still sent may be slow.
bool SegmentPipeline::end_held_up(SegmentNumber front) const {
  const std::size_t few = lagging(front);
  return few > 0 && few * 2 <= waiting_for_end_;
}

/// Waiting for laggards may cost an eighth of the time, and a moment at once: a slow server that moves a little now and
/// then holds the others up as much as one that stands still. Who waits for the end alone waits longer, as it costs making segments
/// again.
bool SegmentPipeline::waited_enough() const {
  const io::Duration eighth = (context_.loop.now() - waiting_since_) / 8;
  return held_up_for_ >= limits_.left_behind_after + eighth ||
         end_held_up_for_ >= limits_.left_behind_after * kEndWaitsTimes + eighth;
}

io::Task<Result<void>> SegmentPipeline::room_for(SegmentNumber segment) {
  while (!failed_ && slowest() < std::numeric_limits<SegmentNumber>::max() && slowest() + window_ <= segment) {
    if (waited_enough()) {
      leave_behind(segment);
      held_up_for_ = end_held_up_for_ = io::Duration::zero();
      waiting_since_ = context_.loop.now();
      continue;
    }
    const bool held = held_up(segment);
    const io::Time before = context_.loop.now();
    // Also by time: that somebody starves makes no noise.
    const Result<void> woken = co_await io::with_timeout(limits_.left_behind_after / 8, moved_.told());
    if (!woken && woken.error().code == Errc::cancelled) co_return woken;
    const io::Duration waited = context_.loop.now() - before;
    if (held) held_up_for_ += waited;
    if (end_held_up(segment)) end_held_up_for_ += waited;
  }
  co_return Result<void>{};
}

io::Task<Result<SharedSegment>> SegmentPipeline::encode(Buffer plaintext, SegmentNumber segment) {
  auto job = [this, segment, &plaintext]() -> SharedSegment {
    return std::make_shared<const immutable::EncodedSegment>(segment_encoder_.encode(segment, std::move(plaintext)));
  };
  co_return co_await context_.cpu.run(std::move(job));
}

/// The source may have changed since the front passed here, and what is made of it then has no place in any share.
io::Task<Result<SharedSegment>> SegmentPipeline::same_again(SegmentNumber segment) {
  HF_CO_TRY(Buffer plaintext, co_await source_.again(segment));
  HF_CO_TRY(SharedSegment made, co_await encode(std::move(plaintext), segment));
  const bool acquired = co_await absorbing_.acquire();
  if (!acquired) co_return fail(Errc::cancelled, "stopped");
  auto compare = [this, made] { return absorber_.has_absorbed(*made); };
  const Result<bool> same = co_await context_.cpu.run(std::move(compare));
  absorbing_.release();
  if (!same) co_return tl::make_unexpected(same.error());
  if (*same) co_return made;
  co_return fail(Errc::changed,
                 "the file changed while it was being uploaded; run the same command again to upload what it is now");
}

io::Task<Result<SharedSegment>> SegmentPipeline::make_again(SegmentNumber segment) {
  for (const auto& [number, kept] : again_) {
    if (number == segment) co_return kept;
  }
  const bool acquired = co_await again_slots_.acquire();
  if (!acquired) co_return fail(Errc::cancelled, "stopped");
  for (const auto& [number, kept] : again_) {
    if (number != segment) continue;
    again_slots_.release();
    co_return SharedSegment(kept);
  }
  Result<SharedSegment> made = co_await same_again(segment);
  again_slots_.release();
  if (made) {
    again_.emplace_front(segment, *made);
    if (again_.size() > kAgainKept) again_.pop_back();
  } else if (made.error().code == Errc::changed && !failed_) {
    failed_ = made.error();
    moved_.notify_all();
  } else if (!passes(made.error().code)) {
    unreadable_ = made.error();
  }
  co_return made;
}

io::Task<void> SegmentPipeline::encode_one(SegmentNumber segment, Buffer plaintext) {
  Result<SharedSegment> made = co_await encode(std::move(plaintext), segment);
  made_.emplace(segment, std::move(*made));
  moved_.notify_all();
}

/// Adds what is ready at the front to the running hashes, in order, off the loop.
io::Task<Result<void>> SegmentPipeline::absorb_ready() {
  for (auto it = made_.find(front_); it != made_.end(); it = made_.find(front_)) {
    const bool acquired = co_await absorbing_.acquire();
    if (!acquired) co_return fail(Errc::cancelled, "stopped");
    auto job = [this, made = it->second] { return absorber_.absorb(*made); };
    const Result<void> absorbed = co_await context_.cpu.run(std::move(job));
    absorbing_.release();
    HF_CO_TRY_VOID(absorbed);
    ++front_;
    drop_passed();
    moved_.notify_all();
  }
  co_return Result<void>{};
}

io::Task<Result<void>> SegmentPipeline::run() {
  io::TaskGroup encoding(co_await io::this_scope());
  SegmentNumber started = 0;
  Result<void> outcome;
  while (front_ < count_ && outcome && !failed_) {
    if (started < count_ && encoding.running() < limits_.encoding_max && started < front_ + window_) {
      outcome = co_await room_for(started);
      if (!outcome) break;
      Result<Buffer> plaintext = co_await source_.next();
      if (!plaintext) {
        outcome = tl::make_unexpected(plaintext.error());
        break;
      }
      encoding.spawn(encode_one(started++, std::move(*plaintext)));
    } else if (!made_.contains(front_)) {
      outcome = co_await moved_.told();
    }
    if (outcome) outcome = co_await absorb_ready();
  }
  co_await encoding.join();
  if (outcome && failed_) outcome = tl::make_unexpected(*failed_);
  if (outcome) outcome = co_await source_.prove();
  if (outcome) {
    const bool acquired = co_await absorbing_.acquire();
    if (!acquired) outcome = fail(Errc::cancelled, "stopped");
    auto job = [this] { return absorber_.finish(); };
    if (acquired) outcome = co_await context_.cpu.run(std::move(job));
    if (acquired) absorbing_.release();
  }
  if (outcome) {
    done_ = true;
  } else {
    failed_ = outcome.error();
  }
  moved_.notify_all();
  co_return outcome;
}

io::Task<Result<void>> SegmentPipeline::finished() {
  while (!done_) {
    if (failed_) co_return tl::make_unexpected(*failed_);
    ++waiting_for_end_;
    const Result<void> woken = co_await moved_.told();
    --waiting_for_end_;
    if (!woken) co_return woken;
  }
  co_return Result<void>{};
}

}  // namespace holdfast::transfer
