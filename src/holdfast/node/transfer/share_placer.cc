#include "holdfast/node/transfer/share_placer.h"

#include <algorithm>

#include "holdfast/node/transfer/life_sign.h"

namespace holdfast::transfer {
namespace {

constexpr io::Duration kQuiet = std::chrono::seconds(1);  // nobody heard for so long
constexpr double kTrickleBytesPerSecond = 2048;
constexpr int kStragglersMax = 4;                            // one after the other, each in another's place
constexpr io::Duration kLinkLook = std::chrono::seconds(5);  // from one look to the next

RangeSet everything(std::uint64_t size) {
  RangeSet out;
  out.add(Range{0, size});
  return out;
}

}  // namespace

SharePlacer::SharePlacer(PushJob& job, Secret master, Wishes wishes, Progress& progress)
    : job_(job),
      wishes_(std::move(wishes)),
      progress_(progress),
      attempts_(job.link, wishes_.patience),
      changed_(job.context.loop),
      group_(job.context.loop),
      inquiry_(job, std::move(master), wishes_.patience, group_) {
  job_.changed = [this] {
    change_pending_ = true;
    changed_.notify_all();
  };
}

placement::Facts SharePlacer::facts_now() const {
  placement::Facts facts = placement_facts(servers(), job_.encoder.params().n, job_.encoder.layout().size());
  for (const auto& [server, share] : refused_) {
    facts.servers[server].existing.erase(share);
    facts.servers[server].partial_bytes.erase(share);
    facts.servers[server].refused.insert(share);
  }
  return facts;
}

std::size_t SharePlacer::possible_happiness() const {
  const placement::Facts facts = facts_now();
  return placement::happiness(placement::planned_shares(facts, placement::plan(facts)));
}

Error SharePlacer::too_few() const {
  std::string what = std::to_string(inquiry_.answered()) + " of " + std::to_string(servers().size()) +
                     " servers answer and can take shares for a happiness of " + std::to_string(possible_happiness()) +
                     ", but " + std::to_string(wishes_.happy) + " is asked for";
  if (const Error* silence = inquiry_.silence()) what += "; " + silence->what;
  return {Errc::unhappy, what};
}

/// Until a plan can be made that is as happy as wished; those who have not answered by then are asked on in the background.
io::Task<Result<void>> SharePlacer::gather() {
  progress_.phase = Phase::asking;
  progress_.servers_known = static_cast<unsigned>(job_.context.servers.size());
  inquiry_.begin();
  if (servers().empty())
    co_return fail(Errc::unhappy, "this node knows no storage server; add one with create-client --server NURL");
  for (std::size_t i = 0; i < servers().size(); ++i) {
    for (ShareNumber share = 0; share < job_.encoder.params().n; ++share) {
      if (wishes_.rejected.contains({servers()[i].server->id(), share})) refused_.insert({i, share});
    }
  }
  for (;;) {
    const std::size_t answered = inquiry_.answered();
    progress_.servers_answering = static_cast<unsigned>(answered);
    const bool happy = answered > 0 && possible_happiness() >= wishes_.happy;
    if (inquiry_.is_ripe(happy)) co_return Result<void>{};
    if (!happy && inquiry_.open() == 0) co_return tl::make_unexpected(too_few());
    if (!happy && inquiry_.has_asked()) {
      if (answered > 0) look_at_link();
      progress_.waiting_for_link = answered == 0 || (link_is_gone_ && job_.link.down());
      progress_.note = inquiry_.who_is_waited_for();
    }
    HF_CO_TRY_VOID(co_await wait_for_change());
  }
}

void SharePlacer::start(std::size_t server, ShareNumber share, SharePusher::Start start) {
  const ServerFacts& facts = servers()[server];
  auto attempt = std::make_unique<PushAttempt>(job_, server, *facts.server, share, *facts.secrets, std::move(start));
  group_.spawn(attempts_.add(std::move(attempt)).run());
}

/// One request for all shares of a server; what it grants is pushed, what it has is proven, the rest is refused.
io::Task<void> SharePlacer::allocate_on(std::size_t position, std::set<ShareNumber> shares) {
  ServerFacts& facts = servers()[position];
  std::set<ShareNumber> wanted;
  for (ShareNumber share : shares) {
    if (!facts.complete.contains(share)) wanted.insert(share);
  }
  protocol::AllocateRequest request;
  request.share_numbers = wanted;
  request.allocated_size = job_.encoder.layout().size();
  // Also with an empty set: it renews the leases of what is there.
  const Result<protocol::AllocateReply> reply =
      co_await facts.server->allocate(job_.si, std::move(request), *facts.secrets);
  const bool broke = !reply && (reply.error().code == Errc::unavailable || reply.error().code == Errc::timeout);
  if (!broke) reached_ = true;
  if (broke && !job_.link.has_waited()) {
    // The link broke, not the server's word: each pusher asks again, and goes on with what was allocated after all.
    for (ShareNumber share : shares) {
      SharePusher::Start begin;
      begin.resumes = facts.resumes;
      begin.complete = facts.complete.contains(share);
      start(position, share, std::move(begin));
    }
    co_return;
  }
  if (!reply) {
    for (ShareNumber share : shares) {
      refused_.insert({position, share});
      no_room_.insert({position, share});
    }
    facts.problem = reply.error();
    co_return;
  }
  // Who takes nothing of it is no progress. A stock server tells of all shares that it has.
  const bool takes = std::ranges::any_of(shares, [&](ShareNumber share) {
    return facts.complete.contains(share) || reply->allocated.contains(share) || reply->already_have.contains(share);
  });
  if (takes) job_.link.heard();
  facts.complete.insert(reply->already_have.begin(), reply->already_have.end());
  for (ShareNumber share : shares) {
    SharePusher::Start begin;
    begin.resumes = facts.resumes;
    if (facts.complete.contains(share)) {
      begin.complete = true;
    } else if (reply->allocated.contains(share)) {
      const auto partial = facts.partial.find(share);
      begin.required = partial != facts.partial.end() ? partial->second : everything(job_.encoder.layout().size());
      begin.shared = facts.shared.contains(share) || (!job_.begun_here && facts.recent.contains(share)) ||
                     (reply->matched.contains(share) && partial == facts.partial.end());
    } else if (facts.resumes) {
      refused_.insert({position, share});
      no_room_.insert({position, share});
      continue;
    }  // else: a stock server that may hold a partial of ours; the pusher probes
    start(position, share, std::move(begin));
  }
}

io::Task<Result<void>> SharePlacer::allocate_planned() {
  progress_.phase = Phase::placing;
  const placement::Facts facts = facts_now();
  std::map<std::size_t, std::set<ShareNumber>> by_server;
  for (const auto& [share, server] : placement::plan(facts)) {
    if (!attempts_.is_placed(share) && !attempts_.has_live(share)) by_server[server].insert(share);
  }
  io::TaskGroup group(co_await io::this_scope());
  for (const auto& [server, shares] : by_server) group.spawn(allocate_on(server, shares));
  co_await group.join();
  if (group.scope().cancelled()) co_return fail(Errc::cancelled, "stopped");
  co_return Result<void>{};
}

void SharePlacer::look_at_failures() {
  for (const auto& attempt : attempts_) {
    const SharePusher& pusher = attempt->pusher;
    const bool failed = pusher.state() == SharePusher::State::failed;
    const bool full = pusher.troubled() && pusher.error().code == Errc::no_space;
    if ((!failed && !full) || attempt->failure_seen) continue;
    attempt->failure_seen = true;
    refused_.insert({attempt->server, pusher.share()});
    if (pusher.error().code != Errc::cancelled) warnings_.push_back(pusher.error().what);
    if (pusher.error().code == Errc::corrupt) servers()[attempt->server].complete.erase(pusher.share());
  }
}

Homes SharePlacer::homes() const {
  return find_homes({servers(), attempts_, refused_, job_.encoder.params().n, wishes_.happy});
}

/// Not when patience with everything is over, and when all were asked once more nobody was reached: to go on, one after the other
/// in vain, would take as long as there are servers. Nor when it is the source that cannot be read: no other server could be sent it.
bool SharePlacer::may_place() const {
  if (job_.pipeline.failure() || job_.pipeline.unreadable()) return false;
  return !given_up_at_ || job_.link.last_heard() > *given_up_at_;
}

/// Asks for them until somebody takes them or everybody has refused: each refusal leaves one server less to ask.
io::Task<void> SharePlacer::place_again() {
  io::CancelScope& scope = co_await io::this_scope();
  for (Homes wanted = homes(); !wanted.empty() && !scope.cancelled() && may_place(); wanted = homes()) {
    reached_ = false;
    io::TaskGroup group(scope);
    for (const auto& [server, shares] : wanted) group.spawn(allocate_on(server, shares));
    co_await group.join();
    if (!reached_ && job_.link.has_waited()) given_up_at_ = job_.context.loop.now();
    look_at_failures();
  }
}

/// Is it a server that is silent, or the link? When nobody else is at work, those with nothing to do can tell.
void SharePlacer::look_for_life() {
  const bool doubtful = std::ranges::any_of(attempts_, [&](const auto& attempt) {
    const SharePusher& pusher = attempt->pusher;
    return pusher.state() == SharePusher::State::running && pusher.doubtful() && !attempts_.is_placed(pusher.share());
  });
  if (doubtful) ask_the_idle();
}

/// The same where nobody has failed: before anything is at work, and for those who are not needed any more.
void SharePlacer::look_at_link() {
  if (job_.context.loop.now() >= look_at_link_at_) ask_the_idle();
}

void SharePlacer::ask_the_idle() {
  const io::Time now = job_.context.loop.now();
  if (looking_for_life_ || now - job_.link.last_heard() < kQuiet) return;
  look_at_link_at_ = now + kLinkLook;
  looking_for_life_ = true;
  group_.spawn(hear_the_idle());
}

io::Task<void> SharePlacer::hear_the_idle() {
  const bool alive = co_await somebody_answers(idle());
  link_is_gone_ = !alive;
  if (alive) job_.link.answered();
  looking_for_life_ = false;
}

std::vector<grid::StorageServer*> SharePlacer::idle() const {
  std::vector<grid::StorageServer*> out;
  for (std::size_t server = 0; server < servers().size(); ++server) {
    if (servers()[server].answered && !attempts_.is_at_work(server)) out.push_back(servers()[server].server);
  }
  return out;
}

/// After `happy`: nothing that is still missing has moved for as long as stragglers are waited for, or what moves is a trickle. When
/// nobody at all is heard, it is the link, and that has a patience of its own.
bool SharePlacer::rest_is_silent() const {
  const Patience& patience = wishes_.patience;
  const bool link_is_gone = patience.outage && job_.context.loop.now() - job_.link.last_heard() >= *patience.outage;
  return std::ranges::all_of(attempts_, [&](const auto& attempt) {
    const SharePusher& pusher = attempt->pusher;
    if (pusher.state() != SharePusher::State::running || attempts_.is_placed(pusher.share())) return true;
    if (!pusher.troubled()) return is_trickle(*attempt);
    return link_is_gone || pusher.error().code == Errc::no_space || pusher.silent_for() >= patience.straggler;
  });
}

/// It comes on, and would for days: much more slowly than any that is placed did. Where those were there before, nobody knows how
/// slow the line is; only who is waited for (by a client, which sees nothing of it) must not take his time.
bool SharePlacer::is_trickle(const PushAttempt& attempt) const {
  const io::Duration now = job_.link.time_up(), since_happy = now - happy_after_.value_or(now);
  if (since_happy < wishes_.patience.straggler * kStragglersMax) return false;
  if (const auto slowest = attempts_.slowest()) return since_happy >= *slowest * wishes_.patience.slow_times;
  const std::uint64_t done = attempt.pusher.bytes_done(), before = attempt.pusher.bytes_held_before();
  if (!wishes_.patience.outage || done == job_.encoder.layout().size()) return false;  // whole: it is being proven
  const double seconds = std::chrono::duration<double>(now - attempt.began).count();
  return static_cast<double>(done - std::min(done, before)) < kTrickleBytesPerSecond * seconds;
}

void SharePlacer::draw() {
  std::map<ShareNumber, std::uint64_t> done;
  std::uint64_t skipped = 0;
  bool all_troubled = !attempts_.empty();
  for (const auto& attempt : attempts_) {
    const SharePusher& pusher = attempt->pusher;
    done[pusher.share()] = std::max(done[pusher.share()], pusher.bytes_done());
    if (pusher.state() != SharePusher::State::failed) skipped += pusher.bytes_held_before();
    if (pusher.state() == SharePusher::State::running && !pusher.troubled()) all_troubled = false;
  }
  const std::uint64_t before = std::exchange(progress_.done_bytes, 0);
  for (const auto& [share, bytes] : done) progress_.done_bytes += bytes;
  if (progress_.done_bytes > before) job_.link.answered();  // long pieces are answered at their end only
  progress_.skipped_bytes = skipped;
  progress_.shares_placed = static_cast<unsigned>(attempts_.placed().size());
  progress_.enough = told_happy_ && wishes_.happy > 0;
  progress_.waiting_for_link = all_troubled && job_.link.down();
  progress_.note.clear();
  for (const auto& attempt : attempts_) {
    const SharePusher& pusher = attempt->pusher;
    if (pusher.state() == SharePusher::State::running && pusher.troubled()) progress_.note = pusher.error().what;
  }
}

io::Task<Result<void>> SharePlacer::wait_for_change() {
  if (!std::exchange(change_pending_, false)) {
    // Also by time: silence makes no noise.
    const Result<void> woken = co_await io::with_timeout(std::chrono::milliseconds(200), changed_.told());
    change_pending_ = false;
    if (!woken && woken.error().code == Errc::cancelled) co_return woken;
  }
  co_return Result<void>{};
}

/// Each of those who have not answered can make it happier by one.
bool SharePlacer::others_may_answer() const {
  return inquiry_.open() > 0 && attempts_.happiness() + inquiry_.open() >= wishes_.happy;
}

/// While there is nothing to do but wait: who could not take a share when it was asked may have room by now.
void SharePlacer::ask_those_without_room_again() {
  const io::Time now = job_.context.loop.now();
  if (now < ask_again_at_) return;
  ask_again_at_ = now + job_.link.back_off(++asked_again_);
  for (const Refusal& each : std::exchange(no_room_, {})) refused_.erase(each);
}

io::Task<Result<void>> SharePlacer::supervise() {
  progress_.phase = Phase::sending;
  const unsigned n = job_.encoder.params().n;
  io::CancelScope& scope = co_await io::this_scope();
  for (;;) {
    draw();
    attempts_.look(job_.encoder.layout().size());
    look_at_failures();
    co_await place_again();
    look_for_life();
    look_at_link();
    if (const auto& failure = job_.pipeline.failure()) {
      if (!told_happy_) co_return tl::make_unexpected(*failure);
      warnings_.push_back("the last shares were not sent: " + failure->what);  // those that count are proven
      co_return Result<void>{};
    }
    const bool happy = job_.pipeline.is_finished() && attempts_.happiness() >= wishes_.happy;
    if (happy && !happy_after_) happy_after_ = job_.link.time_up();
    if (happy && !std::exchange(told_happy_, true) && wishes_.on_happy) wishes_.on_happy();
    if (job_.pipeline.is_finished() && attempts_.placed().size() == n && (happy || wishes_.happy == 0))
      co_return Result<void>{};
    if (happy && rest_is_silent()) co_return Result<void>{};
    const bool short_of_servers = !attempts_.is_any_running() && !happy && job_.pipeline.is_finished();
    if (short_of_servers && scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
    if (short_of_servers && job_.pipeline.unreadable()) co_return tl::make_unexpected(*job_.pipeline.unreadable());
    if (short_of_servers && others_may_answer()) {
      ask_those_without_room_again();
      progress_.note = inquiry_.who_is_waited_for();
    } else if (short_of_servers) {
      std::string what = "the shares reached a happiness of " + std::to_string(attempts_.happiness()) + ", but " +
                         std::to_string(wishes_.happy) + " is asked for";
      if (!warnings_.empty()) what += "; " + warnings_.back();
      co_return fail(Errc::unhappy, what);
    }
    const Result<void> woken = co_await wait_for_change();
    if (!woken && happy) co_return Result<void>{};  // stopped when all that was promised is done
    if (!woken) co_return woken;
  }
}

/// Names the shares that were not finished: what their servers hold stays there.
void SharePlacer::warn_of_stragglers() {
  for (const auto& attempt : attempts_) {
    const SharePusher& pusher = attempt->pusher;
    if (pusher.state() != SharePusher::State::running || attempts_.is_placed(pusher.share())) continue;
    const std::uint64_t percent = pusher.bytes_done() * 100 / job_.encoder.layout().size();
    warnings_.push_back("share " + std::to_string(pusher.share()) + " is not finished: " + pusher.server().name() +
                        " is too slow or silent (" + std::to_string(percent) + " %); " + wishes_.what_goes_on);
  }
}

io::Task<Result<void>> SharePlacer::run() {
  Result<void> outcome = co_await gather();
  progress_.waiting_for_link = false;
  progress_.note.clear();
  progress_.total_bytes = job_.encoder.layout().size() * job_.encoder.params().n;
  progress_.shares_total = job_.encoder.params().n;
  if (outcome) outcome = co_await allocate_planned();
  job_.pipeline.open();
  // Questions and pushers live in a group of their own, so that a cancellation of the caller reaches them through here.
  if (outcome) outcome = co_await supervise();
  for (const ServerFacts& each : servers()) {
    if (!each.answered)
      warnings_.push_back(each.problem.what.empty() ? each.server->name() + " has not answered" : each.problem.what);
  }
  if (outcome) warn_of_stragglers();
  group_.cancel();
  co_await group_.join();
  draw();
  co_return outcome;
}

}  // namespace holdfast::transfer
