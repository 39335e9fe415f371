#include "holdfast/node/transfer/share_pusher.h"

#include <algorithm>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/share_proof.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kSmallPatchBytes = 524'288;  // where a proxy on the way takes no large ones
constexpr unsigned kFreshStartsMax = 3;
constexpr unsigned kWantedAgainMax = 4;
// The share's size so many times: what a cut loses is asked for with each answer until it is there.
constexpr std::uint64_t kAskedAgainTimes = 8;
constexpr std::uint64_t kSentForHeldMax = 256;  // bytes, for one more that is held: a cut loses buffers
constexpr std::uint64_t kPolitePieceMin = 262'144;
constexpr std::uint64_t kPolitePieces = 16;                    // of a share, at least, when several send it
constexpr io::Duration kAloneAfter = std::chrono::seconds(5);  // with nobody to be seen, before it is ours alone again
constexpr io::Duration kPoliteWaitFirst = std::chrono::milliseconds(400), kPoliteWaitMax = std::chrono::seconds(2);

}  // namespace

Result<grid::AllocateSecrets> secrets_for(const Context& context, const Secret& master, const StorageIndex& si,
                                          const grid::StorageServer& server) {
  const auto spki = server.spki();
  const auto tub_id = server.tub_id();
  if (!spki || !tub_id) return fail(Errc::unavailable, "the identity of " + server.name() + " is not known yet");
  const crypto::LeaseSecrets lease = crypto::lease_secrets(context.lease_secret, si, *tub_id);
  return grid::AllocateSecrets{lease.renew, lease.cancel, crypto::upload_secret(master, *spki)};
}

SharePusher::SharePusher(PushJob& job, grid::StorageServer& server, ShareNumber share, grid::AllocateSecrets secrets,
                         Start start)
    : job_(job),
      server_(server),
      secrets_(std::move(secrets)),
      patch_bytes_max_(start.resumes ? kStreamBytesMax : 2 * kStockPatchBytes),
      share_(share),
      reader_(job.pipeline),
      heard_of_us_(job.context.loop.now()),
      resumes_(start.resumes) {
  complete_ = start.complete;
  polite_ = start.shared && resumes_;
  others_seen_ = others_moved_ = heard_of_us_;
  if (complete_) held_before_ = job.encoder.layout().size();
  if (start.required) adopt(*start.required);
}

std::uint64_t SharePusher::bytes_skipped() const {
  return job_.encoder.layout().size() - sent_.total();
}

std::uint64_t SharePusher::bytes_done() const {
  const std::uint64_t size = job_.encoder.layout().size();
  if (state_ == State::placed || complete_) return size;
  if (!required_) return std::min(size, sent_.total() + foreign_.total());
  // Of the piece that is being sent only: what is missing before it, which may be sent later, is not on its way.
  const std::uint64_t on_the_way = sending_ != nullptr ? required_->intersection(sending_->handed_out()).total() : 0;
  return size - required_->total() + on_the_way;
}

/// The server's latest word replaces whatever was believed before, as far as it speaks of this share.
void SharePusher::adopt(const RangeSet& said) {
  const Range whole{0, job_.encoder.layout().size()};
  RangeSet required = said.intersection(whole);
  RangeSet held;
  held.add(whole);
  held.subtract(required);
  held_lately_ = held.total();
  RangeSet others = held;
  others.subtract(sent_);
  if (others.total() > others_most_) others_moved_ = job_.context.loop.now();
  others_most_ = std::max(others_most_, others.total());
  if (!std::exchange(asked_once_, true)) {
    held_before_ = others.total();
  } else if (resumes_ && others.total() > foreign_.total()) {
    polite_ = true;  // it grows, and not by us
    others_seen_ = job_.context.loop.now();
  }
  foreign_ = std::move(others);
  if (foreign_.empty()) header_sent_ = tail_sent_ = true;  // all that is there came from this run
  required_ = std::move(required);
  if (!required_->empty()) {
    const auto& layout = job_.encoder.layout();
    const std::uint64_t first = std::clamp(required_->front().begin, layout.data().begin, layout.data().end);
    reader_.seek((first - layout.data().begin) / job_.encoder.geometry().block_size());
  }
}

io::Task<void> SharePusher::run() {
  io::TaskGroup beside(co_await io::this_scope());
  if (!resumes_) beside.spawn(keep_alive());
  while (state_ == State::running) {
    Result<void> stepped = co_await step();
    if (stepped) {
      trying_ = std::exchange(only_asked_, false);
      if (trying_) {
        job_.link.answered();
      } else {
        failures_ = 0;
        held_most_ = std::max(held_most_, held_lately_);
        sent_by_then_ = handed_out_;
        job_.link.heard();
      }
      job_.changed();
      continue;
    }
    stepped = handle(stepped.error());
    if (!stepped) {
      error_ = stepped.error();
      state_ = State::failed;
    } else {
      reader_.detach();
      job_.changed();
      stepped = co_await job_.link.pause(failures_, error_.what);
      if (!stepped) {
        error_ = stepped.error();
        state_ = State::failed;
      }
    }
  }
  reader_.detach();
  beside.cancel();
  co_await beside.join();
  job_.changed();
}

/// An error is answered by trying again, or passed up when this server will not do.
Result<void> SharePusher::handle(const Error& error) {
  if (failures_++ == 0) up_at_trouble_ = job_.link.time_up();
  // Whatever is held afterwards may be another's, with our secret, who gave up what we had sent and began anew.
  vouched_.clear();
  trying_ = false;
  error_ = error;
  switch (error.code) {
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::cancelled:  // of one exchange, by a cut; when this transfer is cancelled, the pause says so
      ++cuts_;
      required_.reset();
      return {};
    case Errc::malformed:  // a captive portal, a proxy's page: wait for the real server to come back
    case Errc::no_space:   // full is a pause: what is held stays; the supervisor may place the share elsewhere
      required_.reset();
      return {};
    default:
      return tl::make_unexpected(error);
  }
}

io::Task<Result<void>> SharePusher::step() {
  if (complete_) co_return co_await prove();
  if (polite_) co_return co_await send_politely();
  if (!required_) co_return co_await ask_again();
  const std::optional<Range> range = choose();
  if (range && !resumes_ && range->size() > kStockPatchBytes) co_return co_await send_two(*range);
  if (range) co_return co_await send(*range);
  // Nothing is missing by the server's word, yet the share is not complete: sending the tail once more makes it look.
  const auto& layout = job_.encoder.layout();
  co_return co_await send(Range{layout.tail_begin(), layout.size()});
}

/// What to send next: the header, then what is missing in ascending order; the tail before the last missing piece
/// (storage protocol 11.7), so that a planted one is found out before the share can complete.
std::optional<Range> SharePusher::choose() const {
  const auto& layout = job_.encoder.layout();
  const Range header{0, layout.data().begin};
  const Range tail{layout.tail_begin(), layout.size()};
  if (!header_sent_) return header;
  if (required_->empty()) return tail_sent_ ? std::nullopt : std::optional<Range>(tail);
  Range next = required_->front();
  next.end = std::min(next.end, next.begin + patch_bytes_max_);
  return keep_tail_last(next);
}

/// `next`, unless it would complete the share while the tail that is there is somebody else's: then the last block waits
/// until the tail has been sent.
Range SharePusher::keep_tail_last(Range next) const {
  const auto& layout = job_.encoder.layout();
  const Range tail{layout.tail_begin(), layout.size()};
  RangeSet rest = *required_;
  rest.subtract(next);
  const bool tail_held = !required_->intersects(tail);
  if (tail_sent_ || !tail_held || !rest.empty()) return next;
  const std::uint64_t block = job_.encoder.geometry().block_size();
  if (next.size() > block) return Range{next.begin, next.end - block};
  return tail;
}

/// A piece at a random place, so that those who share the work seldom meet; whole blocks.
Range SharePusher::pick_from(const RangeSet& free) const {
  const auto& layout = job_.encoder.layout();
  const std::uint64_t block = job_.encoder.geometry().block_size();
  std::uint64_t at = job_.context.random.below(free.total());
  Range where = free.front();
  for (const Range& range : free.ranges()) {
    where = range;
    if (at < range.size()) break;
    at -= range.size();
  }
  const std::uint64_t position = where.begin + at, data = layout.data().begin;
  const std::uint64_t begin =
      position < data ? where.begin : std::max(where.begin, data + (position - data) / block * block);
  const std::uint64_t length = std::min(patch_bytes_max_, std::max(kPolitePieceMin, layout.size() / kPolitePieces));
  return {begin, std::min(where.end, begin + length)};
}

/// Others send this share as well: takes what nobody sends, or waits for what they do. Together little more than once is
/// sent. Who comes new waits a moment of its own before it takes anything, lest all begin at once.
io::Task<Result<void>> SharePusher::send_politely() {
  HF_CO_TRY_VOID(co_await learn_by_status());
  if (complete_ || !required_ || !polite_) co_return Result<void>{};
  RangeSet free = *required_;
  free.subtract(writing_);
  if (free.empty() || waits_ == 0 || just_begun_) co_return co_await wait_politely();
  if (!header_sent_) co_return co_await send(Range{0, job_.encoder.layout().data().begin});
  const Range next = keep_tail_last(pick_from(free));
  co_return co_await send(next);
}

io::Task<Result<void>> SharePusher::wait_politely() {
  reader_.detach();
  const io::Duration longest = std::min(kPoliteWaitMax, kPoliteWaitFirst * (1 << std::min(waits_++, 3U)));
  const auto microseconds = static_cast<std::uint64_t>(longest / std::chrono::microseconds(1));
  const bool slept =
      co_await io::sleep_for(std::chrono::microseconds(microseconds / 4 + job_.context.random.below(microseconds)));
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

void SharePusher::note_sent(Range range) {
  if (range.empty()) return;
  handed_out_ += range.size();
  resent_ += ever_sent_.intersection(range).total();
  ever_sent_.add(range);
  sent_.add(range);
  given_.add(range);
  vouched_.add(range);
  const auto& layout = job_.encoder.layout();
  if (sent_.contains(Range{0, layout.data().begin})) header_sent_ = true;
  if (sent_.contains(Range{layout.tail_begin(), layout.size()})) tail_sent_ = true;
}

io::Task<Result<void>> SharePusher::send(Range range) {
  ShareBytes bytes(job_.encoder, job_.pipeline, reader_, share_, range);
  sending_ = &bytes;
  const Result<grid::WriteAnswer> answer = co_await server_.write(job_.si, share_, range.begin, bytes, secrets_.upload);
  sending_ = nullptr;
  const Range sent{range.begin, bytes.position()};
  note_sent(sent);
  co_return co_await take(answer, range, sent == range);
}

/// What the answer to a write of `range` means for this share; `whole`: all of it was handed over.
io::Task<Result<void>> SharePusher::take(const Result<grid::WriteAnswer>& answer, Range range, bool whole) {
  if (answer) {
    if (answer->complete) {
      complete_ = true;
      co_return Result<void>{};
    }
    RangeSet never_sent = answer->required;
    never_sent.subtract(given_);
    HF_CO_TRY_VOID(count_asked_again(answer->required.total() - never_sent.total()));
    // What was just acknowledged is wanted again: a failed audit asks so a few times, a liar for ever.
    // Who answers yes before it has read is no better.
    const bool again = !whole || answer->required.empty() || answer->required.intersects(range);
    if (again && ++wanted_again_ > kWantedAgainMax)
      co_return fail(Errc::corrupt, server_.name() + " asks again and again for what it was sent");
    adopt(answer->required);
    co_return Result<void>{};
  }
  switch (answer.error().code) {
    case Errc::not_found:  // complete by a reply that was lost, or expired: the next question tells, after a pause
      co_return fail(Errc::unavailable, server_.name() + " does not know the upload that it told of");
    case Errc::conflict:
      co_return co_await start_over();
    case Errc::unsupported:  // 413
      if (patch_bytes_max_ <= kSmallPatchBytes) co_return tl::make_unexpected(answer.error());
      patch_bytes_max_ = kSmallPatchBytes;
      required_.reset();
      vouched_.clear();
      co_return Result<void>{};
    default:
      co_return tl::make_unexpected(answer.error());
  }
}

/// Who acknowledges and forgets would be sent to for ever.
Result<void> SharePusher::count_asked_again(std::uint64_t bytes) {
  asked_again_bytes_ += bytes;
  if (asked_again_bytes_ <= kAskedAgainTimes * job_.encoder.layout().size()) return {};
  return fail(Errc::corrupt, server_.name() + " asks again and again for what it was sent");
}

/// Held bytes differ from ours: they cost their author this partial, and us one fresh start.
io::Task<Result<void>> SharePusher::start_over() {
  if (++fresh_starts_ > kFreshStartsMax) {
    co_return fail(Errc::corrupt, server_.name() + " keeps other bytes than were sent to it");
  }
  const Result<void> aborted = co_await server_.abort(job_.si, share_, secrets_.upload);
  if (!aborted && aborted.error().code != Errc::not_found && aborted.error().code != Errc::unsupported) {
    co_return tl::make_unexpected(aborted.error());
  }
  sent_.clear();
  held_before_ = 0;
  co_return co_await allocate_anew();
}

/// An answered question does not end the trouble by itself, or a server that answers and fails at the work would be tried for
/// ever; that more is held than ever before does, if it is some part of what was sent for it.
io::Task<Result<void>> SharePusher::ask_again() {
  HF_CO_TRY_VOID(co_await learn_state());
  const std::uint64_t more = held_lately_ - std::min(held_lately_, held_most_);
  const bool grown = more > 0 && more >= (handed_out_ - sent_by_then_) / kSentForHeldMax;
  only_asked_ = !complete_ && !grown;
  co_return Result<void>{};
}

io::Task<Result<void>> SharePusher::learn_state() {
  if (resumes_) co_return co_await learn_by_status();
  co_return co_await learn_by_probe();
}

io::Task<Result<void>> SharePusher::learn_by_status() {
  HF_CO_TRY(const protocol::UploadStatus status, co_await server_.status(job_.si, secrets_.upload));
  if (status.complete.contains(share_)) {
    complete_by_others();
    co_return Result<void>{};
  }
  if (const auto it = status.incomplete.find(share_); it != status.incomplete.end()) {
    if (it->second.allocated_size != job_.encoder.layout().size()) co_return co_await start_over();
    writing_ = it->second.writing;
    // Who allocated it is about to send all of it: a piece taken now would be sent twice.
    just_begun_ = writing_.empty() && it->second.required.total() == job_.encoder.layout().size() &&
                  std::chrono::seconds(it->second.idle_seconds) < kAloneAfter;
    const io::Time now = job_.context.loop.now();
    if (now - others_moved_ >= job_.link.patience().silence) {  // it is said that they write, but nothing comes of it
      writing_.clear();
      polite_ = false;
    } else if (!writing_.empty()) {
      polite_ = true;
      others_seen_ = now;
    } else if (now - others_seen_ >= kAloneAfter) {
      polite_ = false;
    }
    adopt(it->second.required);
    co_return Result<void>{};
  }
  if (status.busy.contains(share_)) {
    co_return fail(Errc::unauthorized, "somebody else is uploading this share to " + server_.name());
  }
  co_return co_await allocate_anew();
}

io::Task<Result<void>> SharePusher::allocate_anew() {
  protocol::AllocateRequest request;
  request.share_numbers = {share_};
  request.allocated_size = job_.encoder.layout().size();
  HF_CO_TRY(const protocol::AllocateReply reply, co_await server_.allocate(job_.si, std::move(request), secrets_));
  HF_CO_TRY_VOID(count_asked_again(given_.total()));
  given_.clear();
  vouched_.clear();
  held_most_ = 0;
  if (reply.already_have.contains(share_)) {
    complete_by_others();
  } else if (reply.allocated.contains(share_)) {
    RangeSet all;
    all.add(Range{0, job_.encoder.layout().size()});
    adopt(all);
  } else {
    co_return fail(Errc::no_space,
                   server_.name() + " does not take this share (full, or busy with another upload of it)");
  }
  co_return Result<void>{};
}

/// Not by an answer to what this run sent: another may have begun anew and finished it meanwhile.
void SharePusher::complete_by_others() {
  complete_ = true;
  vouched_.clear();
}

/// A share counts when it is complete and everything in it that this run did not send, answer after answer, has been looked at.
io::Task<Result<void>> SharePusher::prove() {
  RangeSet unsent;
  unsent.add(Range{0, job_.encoder.layout().size()});
  unsent.subtract(vouched_);
  if (!unsent.empty()) {
    reader_.detach();  // else the front would wait for us, who wait for the front
    if (job_.proof) HF_CO_TRY_VOID(co_await job_.proof(server_, share_));
    HF_CO_TRY_VOID(co_await job_.pipeline.finished());
    HF_CO_TRY_VOID(co_await prove_share(job_.context, job_.encoder, server_, job_.si, share_, unsent));
  }
  state_ = State::placed;
  co_return Result<void>{};
}

}  // namespace holdfast::transfer
