#include "holdfast/node/transfer/checker.h"

#include <algorithm>
#include <set>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/placement/happiness.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/node/transfer/copy_verifier.h"
#include "holdfast/node/transfer/life_sign.h"
#include "holdfast/node/transfer/server_survey.h"
#include "holdfast/node/transfer/share_copy.h"

namespace holdfast::transfer {
namespace {

constexpr unsigned kAttempts = 4;           // of one question, while other servers answer
constexpr std::size_t kCopiesAtOnce = 10;   // bounds the memory of a verify
constexpr std::size_t kCopiesAskedMax = 3;  // about the cap

struct Verifying {
  const Context& context;
  const cap::ChkVerifyCap& cap;
  const CheckOptions& options;
  Progress& progress;
  Link link;
  std::optional<io::Time> first_answer{};  // of any server
};

io::Task<void> verify_into(CopyVerifier* verifier, grid::StorageServer* server, ShareVerdict* verdict,
                           std::optional<Error>* wrong_cap) {
  const Result<void> outcome = co_await verifier->verify(*server, verdict->share);
  if (!outcome && outcome.error().code == Errc::malformed) *wrong_cap = outcome.error();
  using State = ShareVerdict::State;
  verdict->state = State::good;
  if (outcome) co_return;
  verdict->reason = outcome.error().what;
  switch (outcome.error().code) {
    case Errc::corrupt:
      verdict->state = State::corrupt;
      break;
    case Errc::unsupported:
      verdict->state = State::incompatible;
      break;
    default:
      verdict->state = State::unknown;
  }
}

/// Is the cap that of the file? The extension block of any copy shows it, which the cap's hash proves. A copy that cannot be
/// read, or is bad, says nothing about the cap.
io::Task<Result<void>> check_cap(const Verifying& run, Link& link, const std::vector<grid::StorageServer*>& holders,
                                 const std::vector<ShareVerdict>& shares) {
  immutable::FileState file({run.cap.ueb_hash, run.cap.k, run.cap.n, run.cap.size});
  std::set<grid::StorageServer*> asked;
  for (std::size_t i = 0; i < holders.size() && asked.size() < kCopiesAskedMax && !file.is_open(); ++i) {
    if (!asked.insert(holders[i]).second) continue;
    ShareCopy copy(run.context, link, run.cap.storage_index, *holders[i], file, shares[i].share);
    const Result<void> opened = co_await io::with_timeout(run.options.patience.silence, copy.open());
    if (!opened && file.contradicts_cap()) co_return tl::make_unexpected(copy.file_error.value_or(opened.error()));
    if (!opened && opened.error().code == Errc::cancelled) co_return opened;
  }
  co_return Result<void>{};
}

struct Answer {
  grid::StorageServer* server = nullptr;
  Result<std::vector<ShareNumber>> shares = fail(Errc::cancelled, "");
  io::Time asked{};  // when the latest question began
  bool lease_failed = false;
};

/// Of servers none of which answered.
Error silence_of(const std::vector<Answer>& answers) {
  if (answers.empty()) return {Errc::unavailable, "this node knows no storage server"};
  const auto stranger = [](const Answer& each) { return each.shares.error().code == Errc::unauthorized; };
  const Errc code = std::ranges::all_of(answers, stranger) ? Errc::unauthorized : Errc::unavailable;
  return {code, "no server answers: " + answers[0].shares.error().what};
}

io::Task<void> ask(Verifying* run, Answer* answer) {
  for (unsigned failures = 1;; ++failures) {
    answer->asked = run->context.loop.now();
    answer->shares = co_await answer->server->list_shares(run->cap.storage_index);
    if (answer->shares || failures == kAttempts || answer->shares.error().code == Errc::unauthorized) break;
    const Result<void> waited = co_await run->link.pause(failures);
    if (!waited) break;
  }
  if (!answer->shares) co_return;
  run->link.heard();
  if (!run->first_answer) run->first_answer = run->context.loop.now();
  ++run->progress.servers_answering;
  if (!run->options.add_lease || answer->shares->empty()) co_return;
  // Says nothing about the shares; but those that nobody pays for may be collected.
  answer->lease_failed = true;
  const auto tub_id = answer->server->tub_id();
  if (!tub_id) co_return;
  const crypto::LeaseSecrets lease = crypto::lease_secrets(run->context.lease_secret, run->cap.storage_index, *tub_id);
  const Result<void> added = co_await answer->server->add_lease(run->cap.storage_index, lease.renew, lease.cancel);
  answer->lease_failed = !added;
}

/// All servers at once. Whose last question was lost in an outage that somebody's answer ended is asked anew: a repair would
/// make again what they hold.
io::Task<void> ask_all(Verifying* run, std::vector<Answer>* answers) {
  const io::Time begun = run->context.loop.now();
  io::TaskGroup group(co_await io::this_scope());
  for (Answer& each : *answers) group.spawn(ask(run, &each));
  co_await group.join();
  const bool outage = run->first_answer && *run->first_answer - begun >= kOutage;
  if (!outage || group.scope().cancelled()) co_return;
  for (Answer& each : *answers) {
    const bool lost = !each.shares && each.asked < *run->first_answer;
    if (lost && each.shares.error().code != Errc::unauthorized) group.spawn(ask(run, &each));
  }
  co_await group.join();
}

}  // namespace

Result<cap::ChkVerifyCap> verifiable(const cap::Cap& cap) {
  if (const auto* read = std::get_if<cap::ChkReadCap>(&cap)) return cap::weaken(*read);
  if (const auto* verify = std::get_if<cap::ChkVerifyCap>(&cap)) return *verify;
  if (std::holds_alternative<cap::LitCap>(cap))
    return fail(Errc::unsupported, "a literal cap is the file itself; there is nothing to check");
  return fail(
      Errc::malformed,
      "that is not the cap of a file (it begins with URI:CHK: or URI:CHK-Verifier:); was it cut when it was copied?");
}

void sum_up(CheckReport& report) {
  std::set<ShareNumber> good;
  std::map<std::string, std::set<ShareNumber>> hosts;
  for (const ShareVerdict& each : report.shares) {
    if (each.state != ShareVerdict::State::good && each.state != ShareVerdict::State::present) continue;
    good.insert(each.share);
    hosts[each.server].insert(each.share);
  }
  placement::ShareMap map;
  for (const auto& [host, shares] : hosts) map.emplace(map.size(), shares);
  report.shares_good = static_cast<unsigned>(good.size());
  report.good_share_hosts = static_cast<unsigned>(hosts.size());
  report.happiness = static_cast<unsigned>(placement::happiness(map));
  report.healthy = report.shares_good == report.shares_total;
  report.recoverable = report.shares_good >= report.shares_needed;
}

io::Task<Result<CheckReport>> check(const Context& context, cap::ChkVerifyCap cap, CheckOptions options,
                                    Progress& progress) {
  progress.phase = Phase::asking;
  progress.servers_known = static_cast<unsigned>(context.servers.size());
  Verifying run{context, cap, options, progress, Link(context.loop, context.random, options.patience)};
  std::vector<Answer> answers;
  for (grid::StorageServer* server : permuted_servers(context, cap.storage_index))
    answers.emplace_back().server = server;
  co_await ask_all(&run, &answers);
  const io::CancelScope& scope = co_await io::this_scope();
  if (scope.cancelled()) co_return fail(Errc::cancelled, "stopped");
  CheckReport report;
  report.shares_needed = cap.k;
  report.shares_total = cap.n;
  report.servers_known = static_cast<unsigned>(answers.size());
  report.verified = options.verify;
  std::vector<grid::StorageServer*> holders;
  for (const Answer& answer : answers) {
    if (!answer.shares) continue;
    report.responding.push_back(answer.server->id());
    if (answer.lease_failed) report.without_lease.push_back(answer.server->id());
    for (ShareNumber share : *answer.shares) {
      if (share >= cap.n) continue;
      ShareVerdict& verdict = report.shares.emplace_back();
      verdict.server = answer.server->id();
      verdict.share = share;
      holders.push_back(answer.server);
    }
  }
  if (report.responding.empty()) co_return tl::make_unexpected(silence_of(answers));
  if (options.verify) {
    progress.phase = Phase::verifying;
    progress.total_bytes = report.shares.size() * ((cap.size + cap.k - 1) / cap.k);
    CopyVerifier verifier(context, run.link, cap, progress, kCopiesAtOnce);
    io::TaskGroup group(co_await io::this_scope());
    std::optional<Error> wrong_cap;
    for (std::size_t i = 0; i < holders.size(); ++i)
      group.spawn(verify_into(&verifier, holders[i], &report.shares[i], &wrong_cap));
    co_await group.join();
    if (group.scope().cancelled()) co_return fail(Errc::cancelled, "stopped");
    if (wrong_cap) co_return tl::make_unexpected(*wrong_cap);
    const auto unknown = std::ranges::count(report.shares, ShareVerdict::State::unknown, &ShareVerdict::state);
    if (unknown > 0 && run.link.has_waited()) {
      const bool up = co_await somebody_answers(context.servers);
      if (!up)
        co_return fail(Errc::timeout, "no server answers any more, for as long as --timeout allows; " +
                                          std::to_string(unknown) + " of " + std::to_string(report.shares.size()) +
                                          " copies were not read");
    }
  } else {
    HF_CO_TRY_VOID(co_await check_cap(run, run.link, holders, report.shares));
  }
  sum_up(report);
  progress.phase = Phase::done;
  co_return report;
}

}  // namespace holdfast::transfer
