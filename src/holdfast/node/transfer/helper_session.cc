#include "holdfast/node/transfer/helper_session.h"

#include <algorithm>

#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

using std::chrono::seconds;

constexpr unsigned kRestartsMax = 3, kContradictionsMax = 3;
constexpr std::uint64_t kDigestsAtOnce = 1024;
constexpr std::uint64_t kReplacedTimesMax = 3;    // every piece; more than once when a cut came between
constexpr seconds kWait{30};                      // one long poll
constexpr io::Duration kAtLeast = seconds(1);     // between two answers of one phase
constexpr io::Duration kAnswersNow = seconds(2);  // when others do
constexpr unsigned kBriskTriesMax = 5;            // while it may come back any moment: within some three seconds
constexpr io::Duration kStuckAfter = std::chrono::minutes(10);

}  // namespace

HelperSession::HelperSession(Job job, CiphertextFront& front)
    : job_(std::move(job)), front_(front), moved_(job_.context.loop.now()) {}

io::Task<Result<HelperEnd>> HelperSession::run() {
  job_.progress.phase = Phase::asking;
  Result<State> next = co_await begin();
  for (;;) {
    if (next && (next->kind == Kind::present || next->kind == Kind::done)) {
      HelperEnd end{HelperEnd::Kind::shown, {}, std::move(*next)};
      co_return end;
    }
    if (next) {
      next = co_await step(std::move(*next));
      continue;
    }
    const Error error = next.error();
    std::optional<HelperEnd> end = co_await after(error);
    if (fatal_) co_return tl::make_unexpected(*fatal_);
    if (end) co_return std::move(*end);
    next = co_await look_again();
  }
}

io::Task<Result<protocol::HelperState>> HelperSession::step(State state) {
  draw(state);
  told_ = state.kind;
  if (state.kind == Kind::failed) co_return fail(Errc::no_space, job_.helper.name() + " has given up: " + state.reason);
  if (state.kind == Kind::receiving && !state.busy) co_return co_await send(std::move(state));
  co_return co_await wait();
}

io::Task<Result<protocol::HelperState>> HelperSession::begin() {
  asked_again_.reset();
  Result<State> state = co_await job_.helper.begin(job_.prepared.journal.storage_index, job_.request, job_.who);
  if (!state) co_return state;
  job_.link.heard();
  if (state->kind == Kind::receiving && state->upload != upload_) {
    if (!upload_.empty() && ++restarts_ > kRestartsMax)
      co_return fail(Errc::no_space, job_.helper.name() + " has lost the upload again and again");
    upload_ = state->upload;
    told_ = Kind::receiving;
    acknowledged_ = covered_ = sent_to_ = 0;
    settled_ = false;
  }
  co_return state;
}

/// After a failure: the durable offset where there is an upload, which also ends a request that hangs; else everything anew.
io::Task<Result<protocol::HelperState>> HelperSession::look_again() {
  if (!asked_again_) co_return co_await begin();
  State state = *asked_again_;
  const Result<std::uint64_t> offset = co_await job_.helper.offset(upload_, job_.who);
  if (!offset) co_return tl::make_unexpected(offset.error());
  job_.link.heard();
  state.offset = *offset;
  co_return state;
}

/// Every offset that it names, at once or after a cut.
Result<void> HelperSession::take_offset(std::uint64_t offset) {
  if (offset > front_.size()) return lie("it claims to hold more than there is");
  if (offset < acknowledged_)
    return lie("it held " + std::to_string(acknowledged_) + " bytes by its word, and now " + std::to_string(offset));
  if (offset > acknowledged_) progressed();
  acknowledged_ = offset;
  job_.progress.kept_bytes = offset;
  return {};
}

/// While bytes are on their way. A lie is looked at when the request has ended.
void HelperSession::hear_durable(std::uint64_t offset, std::uint64_t handed_out) {
  job_.link.heard();
  heard_ = job_.context.loop.now();
  if (offset > handed_out) static_cast<void>(lie("it claims to hold more than was sent"));
  if (!lie_) static_cast<void>(take_offset(offset));
}

io::Task<Result<protocol::HelperState>> HelperSession::send(State state) {
  asked_again_ = state;
  HF_CO_TRY_VOID(take_offset(state.offset));
  front_.hold_at(state.offset);
  if (state.offset > covered_) {
    // Held, and not sent by this session. The link does not wait for the comparison: it is made over all bytes when they are
    // there, and piece by piece if that shows a difference.
    skip({covered_, state.offset});
    covered_ = state.offset;
  }
  if (state.offset < front_.size()) {
    job_.progress.phase = Phase::sending;
    const auto moved = [this](std::uint64_t position) {
      job_.progress.done_bytes = position;
      heard_ = job_.context.loop.now();
    };
    CiphertextBytes body(front_, Range{state.offset, front_.size()}, true, moved);
    const grid::OffsetTold told = [&](std::uint64_t durable) { hear_durable(durable, body.position()); };
    const io::Time begun = job_.context.loop.now();
    auto appending = job_.helper.append(upload_, state.offset, body, job_.who, told);
    const Result<std::uint64_t> answer = co_await while_it_lives(std::move(appending));
    const std::uint64_t end = body.position();
    job_.tally.sending += job_.context.loop.now() - begun;
    job_.tally.bytes_sent += end - state.offset;
    if (sent_to_ > state.offset) job_.tally.bytes_resent += std::min(sent_to_, end) - state.offset;
    sent_to_ = std::max(sent_to_, end);
    covered_ = std::max(covered_, end);
    HF_CO_TRY_VOID(own_failure(body.failure()));
    if (lie_) co_return fail(Errc::corrupt, *lie_);
    if (!answer && answer.error().code == Errc::conflict) HF_CO_TRY_VOID(count_contradiction(state.offset));
    if (!answer) co_return tl::make_unexpected(answer.error());
    if (*answer == state.offset) co_return fail(Errc::malformed, job_.helper.name() + " took nothing of what was sent");
    HF_CO_TRY_VOID(take_offset(*answer));
    if (*answer < end && ++cut_short_ > kContradictionsMax)
      co_return lie("it takes much, and holds little of it by its word");
    state.offset = *answer;
    co_return state;
  }
  co_return co_await seal(state);
}

/// It may be that somebody else was faster; but not again and again at the same offset.
Result<void> HelperSession::count_contradiction(std::uint64_t offset) {
  contradictions_ = offset == contradicted_at_ ? contradictions_ + 1 : 1;
  contradicted_at_ = offset;
  if (contradictions_ > kContradictionsMax) return lie("it does not take bytes at the offset that it names");
  return {};
}

io::Task<Result<protocol::HelperState>> HelperSession::seal(const State& state) {
  job_.progress.phase = Phase::proving;
  job_.progress.done_bytes = state.offset;
  const Result<void> whole = co_await front_.finished();
  if (!whole) HF_CO_TRY_VOID(own_failure(whole.error()));
  const Hash pieces = front_.pieces().all();
  auto completing = job_.helper.complete(upload_, front_.size(), pieces, job_.who);
  Result<State> sealed = co_await while_it_lives(std::move(completing));
  if (!sealed && sealed.error().code == Errc::corrupt) {
    if (settled_) co_return lie("it has other bytes than were sent, and again after they were replaced");
    HF_CO_TRY(const std::uint64_t wrong, co_await settle());
    settled_ = true;
    if (wrong == 0) co_return lie("it shows the right digests and says that they are wrong");
    co_return state;
  }
  if (sealed && sealed->kind == Kind::receiving)
    co_return fail(Errc::malformed, job_.helper.name() + " wants more of a file that is whole");
  if (sealed) {
    asked_again_.reset();
    progressed();
  }
  co_return sealed;
}

io::Task<Result<std::uint64_t>> HelperSession::settle() {
  std::uint64_t wrong = 0;
  const std::uint64_t end = front_.pieces().count();
  for (std::uint64_t at = 0; at < end; at += kDigestsAtOnce) {
    const std::uint64_t count = std::min(kDigestsAtOnce, end - at);
    auto asking = job_.helper.digests(upload_, at, count, job_.who);
    const auto theirs = co_await while_it_lives(std::move(asking));
    if (!theirs) co_return tl::make_unexpected(theirs.error());
    job_.link.heard();
    if (theirs->first != at || theirs->digests.size() != count)
      co_return lie("it does not show the pieces that it holds by its word");
    std::vector<Hash> own;
    for (std::uint64_t piece = at; piece < at + count; ++piece) {
      own.push_back(front_.pieces().digest(piece));
    }
    const std::vector<std::uint64_t> wrong_here = wrong_pieces(at, theirs->digests, own);
    for (std::uint64_t piece : wrong_here) {
      HF_CO_TRY_VOID(co_await replace(piece));
      ++wrong;
      progressed();
    }
  }
  co_return wrong;
}

io::Task<Result<void>> HelperSession::replace(std::uint64_t piece) {
  CiphertextBytes body(front_, front_.pieces().range(piece), false);
  auto replacing = job_.helper.replace_piece(upload_, piece, body, job_.who);
  const Result<void> replaced = co_await while_it_lives(std::move(replacing));
  job_.tally.bytes_sent += body.position() - front_.pieces().range(piece).begin;
  HF_CO_TRY_VOID(own_failure(body.failure()));
  if (!replaced) co_return replaced;
  ++job_.tally.pieces_wrong;
  if (++replaced_ > kReplacedTimesMax * front_.pieces().count()) co_return lie("it shows ever more wrong pieces");
  // What was held had passed for right, until the digest over all was compared.
  const Range whole = front_.pieces().range(piece);
  job_.tally.bytes_skipped -= skipped_.intersection(whole).total();
  skipped_.subtract(whole);
  co_return replaced;
}

void HelperSession::skip(Range range) {
  skipped_.add(range);
  job_.tally.bytes_skipped += range.size();
  job_.progress.skipped_bytes = job_.tally.bytes_skipped;
}

/// Nothing to do but to wait for it, or for whoever else is sending the same.
io::Task<Result<protocol::HelperState>> HelperSession::wait() {
  const io::Time asked = job_.context.loop.now();
  auto polling = job_.helper.state(job_.prepared.journal.storage_index, job_.who, kWait);
  Result<State> now = co_await while_it_lives(std::move(polling));
  asked_again_.reset();
  if (!now) co_return now;
  job_.link.heard();
  failures_ = 0;
  excused_ = false;
  const HelperMovement::Step step = movement_.note(*now);
  if (step != HelperMovement::Step::none) {
    moved_ = job_.context.loop.now();
  } else if (job_.context.loop.now() - moved_ > kStuckAfter) {
    co_return fail(Errc::no_space, "nothing has moved at " + job_.helper.name() + " for ten minutes");
  }
  // It answers at once when it comes to something else, and has no other reason to.
  if (step != HelperMovement::Step::new_phase && job_.context.loop.now() - asked < kAtLeast) {
    const bool slept = co_await io::sleep_for(kAtLeast);
    if (!slept) co_return fail(Errc::cancelled, "stopped");
  }
  // Another path is another upload: that is what `begin` is for.
  if (now->kind == Kind::receiving && now->upload != upload_) co_return co_await begin();
  co_return now;
}

void HelperSession::progressed() {
  failures_ = 0;
  excused_ = false;
  moved_ = job_.context.loop.now();
  job_.progress.waiting_for_link = false;
  job_.progress.note.clear();
}

tl::unexpected<Error> HelperSession::lie(const std::string& what) {
  lie_ = job_.helper.name() + " lies: " + what;
  return fail(Errc::corrupt, *lie_);
}

/// A failure of the file here, told apart from those of the helper that has to wait for it.
Result<void> HelperSession::own_failure(const std::optional<Error>& source) const {
  if (front_.failure()) return tl::make_unexpected(*front_.failure());
  if (source && source->code != Errc::cancelled) return tl::make_unexpected(*source);
  return {};
}

/// Pauses where trying again may help. An end where it will not; `fatal_` where nothing will.
io::Task<std::optional<HelperEnd>> HelperSession::after(const Error& error) {
  io::CancelScope& scope = co_await io::this_scope();
  if (scope.cancelled()) fatal_ = Error{Errc::cancelled, "stopped"};
  if (front_.failure()) fatal_ = *front_.failure();
  if (fatal_) co_return std::nullopt;
  const auto ended = [&](HelperEnd::Kind kind, std::string why) {
    return std::optional<HelperEnd>(HelperEnd{kind, std::move(why), {}});
  };
  if (lie_) co_return ended(HelperEnd::Kind::lied, *lie_);
  switch (error.code) {
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::malformed:
    case Errc::cancelled:  // of one exchange
      ++job_.tally.cuts;
      break;
    case Errc::not_found:
      if (!upload_.empty() && ++restarts_ > kRestartsMax)
        co_return ended(HelperEnd::Kind::refused, job_.helper.name() + " has lost the upload again and again");
      asked_again_.reset();
      upload_.clear();
      break;
    case Errc::conflict:  // another offset, or somebody else sends: the state says which
      asked_again_.reset();
      break;
    case Errc::changed:
    case Errc::io:
    case Errc::not_permitted:  // of the file to send: another way to send it would meet the same
      fatal_ = error;
      co_return std::nullopt;
    default:
      co_return ended(HelperEnd::Kind::refused, error.what);
  }
  const bool silent = error.code == Errc::timeout;
  if (failures_++ == 0)
    troubled_since_ = job_.context.loop.now() - (silent ? job_.link.patience().silence : seconds(0));
  job_.progress.note = error.what;
  const bool enough = waited_enough(trouble(silent));
  if (enough) {
    const bool gone = co_await is_gone();
    if (gone) co_return ended(HelperEnd::Kind::gone, error.what);
  }
  job_.progress.waiting_for_link = job_.link.down();
  const unsigned length = enough && !excused_ ? failures_ : std::min(failures_, kBriskTriesMax);
  const Result<void> paused = co_await job_.link.pause(length, error.what);
  if (!paused && paused.error().code == Errc::cancelled) fatal_ = paused.error();
  if (!paused && paused.error().code == Errc::timeout) co_return ended(HelperEnd::Kind::gone, error.what);
  co_return std::nullopt;
}

/// The answer to what it was asked for may take minutes, of a slow disk; that it is there, it can say at any time.
template <class T>
io::Task<Result<T>> HelperSession::while_it_lives(io::Task<Result<T>> exchange) {
  io::CancelScope scope(co_await io::this_scope());
  io::TaskGroup beside(co_await io::this_scope());
  bool silent = false;
  heard_ = job_.context.loop.now();
  beside.spawn(watch(&scope, &silent));
  Result<T> answer = co_await exchange.in(scope);
  beside.cancel();
  co_await beside.join();
  if (silent && !answer) co_return fail(Errc::timeout, job_.helper.name() + " is silent");
  co_return answer;
}

io::Task<void> HelperSession::watch(io::CancelScope* exchange, bool* silent) {
  for (;;) {
    const bool on = co_await io::sleep_until(heard_ + job_.link.patience().silence);
    if (!on) co_return;
    if (job_.context.loop.now() < heard_ + job_.link.patience().silence) continue;
    const auto version = co_await job_.helper.version();
    *silent = !version && (version.error().code == Errc::timeout || version.error().code == Errc::unavailable);
    if (*silent) {
      exchange->cancel();
      co_return;
    }
    heard_ = job_.context.loop.now();
  }
}

HelperTrouble HelperSession::trouble(bool silent) const {
  const double spent = std::chrono::duration<double>(job_.tally.sending).count();
  HelperTrouble out{failures_, silent, job_.context.loop.now() - troubled_since_, covered_};
  if (told_ != Kind::receiving) out.held = front_.size();
  if (spent > 0) out.bytes_per_second = static_cast<double>(job_.tally.bytes_sent) / spent;
  return out;
}

/// Not the link, which may have come back this moment: then it answers as the others do. That helps it once, until something
/// moves again.
io::Task<bool> HelperSession::is_gone() {
  const bool another = co_await job_.another_way();
  if (!another) co_return false;
  job_.link.heard();
  if (excused_) co_return true;
  const auto version = co_await io::with_timeout(kAnswersNow, job_.helper.version());
  excused_ = version.has_value();
  co_return !excused_;
}

void HelperSession::draw(const State& state) {
  Progress& progress = job_.progress;
  progress.waiting_for_link = false;
  switch (state.kind) {
    case Kind::receiving:
      progress.phase = Phase::sending;
      progress.total_bytes = front_.size();
      progress.done_bytes = state.offset;
      progress.note = state.busy ? "another client is sending it to " + job_.helper.name() : "to " + job_.helper.name();
      return;
    case Kind::repairing:
    case Kind::encoding:
    case Kind::pushing:
      progress.phase = state.kind == Kind::pushing ? Phase::pushing : Phase::encoding;
      progress.done_bytes = state.done_bytes;
      progress.total_bytes = state.total_bytes;
      progress.note = job_.helper.name() + " is " + std::string(to_string(state.kind));
      return;
    default:
      return;
  }
}

}  // namespace holdfast::transfer
