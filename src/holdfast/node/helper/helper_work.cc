// What the helper does with a file: look for it, take it in, repair it from the grid, push it.
#include <algorithm>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/node/helper/helper_service.h"
#include "holdfast/node/transfer/ciphertext_source.h"
#include "holdfast/node/transfer/grid_look.h"
#include "holdfast/node/transfer/grid_push.h"
#include "holdfast/node/transfer/repairer.h"

namespace holdfast::helper {
namespace {

using protocol::HelperState;

constexpr std::uint64_t kSmallBytes = 64 * 1'048'576;
constexpr io::Duration kLookAtTurnEvery = std::chrono::milliseconds(250);
constexpr io::Duration kRetryFirst = std::chrono::seconds(2), kRetryMax = std::chrono::minutes(10);
constexpr io::Duration kNoProgressMax = std::chrono::minutes(5);

template <class Servers>
HelperState::Shares names_of(const std::map<ShareNumber, Servers>& placed) {
  HelperState::Shares out;
  for (const auto& [share, servers] : placed) {
    for (const grid::StorageServer* server : servers) out[share].push_back(server->id());
  }
  return out;
}

}  // namespace

/// Is it in the grid? By the word of its servers, where the client proves it; else it is verified. Enough to rebuild it, but too few
/// to be safe: repaired from there.
io::Task<Result<void>> HelperService::look(JobPtr job, std::set<Hash> reject, Hash owner) {
  const io::CancelScope& scope = co_await io::this_scope();
  const std::vector<transfer::Holding> holdings =
      co_await transfer::look_at_grid(context_, job->si, job->geometry, options_.look_silence);
  if (scope.cancelled()) co_return fail(Errc::cancelled, "stopping");
  for (const transfer::Holding& each : holdings) {
    if (reject.contains(immutable::uri_extension_hash(each.uri_extension))) continue;
    if (each.happiness() >= job->happy && !job->prove) {
      job->ueb = each.uri_extension;
      job->shares = names_of(each.shares);
      job->present = true;
      ++counters_.present;
      counters_.present_bytes += job->geometry.size();
      enter(*job, Job::Phase::done);
      co_await no_longer_given_up(job->name);
      co_return Result<void>{};
    }
    if (each.shares.size() < job->geometry.params().k) continue;
    if (!running_) co_return fail(Errc::cancelled, "stopping");
    enter(*job, Job::Phase::repairing);
    work_.spawn(repair(job, each.uri_extension, owner));
    co_return Result<void>{};
  }
  co_return Result<void>{};
}

io::Task<Result<void>> HelperService::receive(JobPtr job, Hash owner) {
  uploads::UploadStore::NewUpload wanted{job->name, owner, job->geometry.size(),
                                         encode_about(job->si, job->geometry, job->happy)};
  HF_CO_TRY(job->upload, co_await store_.create(std::move(wanted)));
  enter(*job, Job::Phase::receiving);
  co_return Result<void>{};
}

io::Task<void> HelperService::repair(JobPtr job, Bytes uri_extension, Hash owner) {
  const immutable::Params& params = job->geometry.params();
  cap::ChkVerifyCap cap;
  cap.storage_index = job->si;
  cap.ueb_hash = immutable::uri_extension_hash(uri_extension);
  cap.k = static_cast<std::uint16_t>(params.k);
  cap.n = static_cast<std::uint16_t>(params.n);
  cap.size = params.size;
  transfer::CheckOptions options;
  options.verify = job->prove;
  options.add_lease = true;  // the shares that are there were somebody's, who may have stopped paying for them
  options.patience.give_up_after = kNoProgressMax;
  io::Semaphore& slots = slots_for(*job);
  const bool mine = co_await slots.acquire();
  if (!mine) co_return;
  Result<transfer::RepairReport> report = fail(Errc::cancelled, "dropped");
  if (!job->dropped) {
    io::CancelScope scope(co_await io::this_scope());
    job->work = &scope;
    auto repairing = transfer::repair(context_, cap, options, job->progress);
    report = co_await repairing.in(scope);
    job->work = nullptr;
  }
  slots.release();
  if (work_.scope().cancelled() || job->dropped) co_return;
  if (report && report->after.happiness >= job->happy) {
    ++counters_.repaired;
    for (const transfer::ShareVerdict& each : report->after.shares) {
      using State = transfer::ShareVerdict::State;
      if (each.state == State::good || each.state == State::present) job->shares[each.share].push_back(each.server);
    }
    job->ueb = std::move(uri_extension);
    enter(*job, Job::Phase::done);
    co_await no_longer_given_up(job->name);
    co_return;
  }
  // What is there is not enough after all: the client has the file.
  job->progress = {};
  const Result<void> receiving = co_await receive(job, owner);
  if (!receiving) {
    co_await give_up(job, receiving.error().what);
  }
}

io::Task<Result<HelperState>> HelperService::state(StorageIndex si, Asker asker, std::chrono::seconds wait) {
  const JobPtr job = find_job(job_name(si, crypto::upload_secret_at_rest_id(asker.upload_secret.reveal())));
  if (job == nullptr) co_return fail(Errc::not_found, "no such upload");
  const Job::Phase before = job->phase;
  const HelperState first = state_of(*job, asker);
  const bool over = before == Job::Phase::done || before == Job::Phase::failed;  // nothing to wait for
  const io::Time deadline = context_.loop.now() + (over ? std::chrono::seconds(0) : wait);
  while (context_.loop.now() < deadline && job->phase == before) {
    const bool free_again = first.busy && !state_of(*job, asker).busy;
    const bool ended = job->phase == Job::Phase::receiving && job->upload->gone;
    if (free_again || ended) break;
    // That a sender falls silent makes no noise.
    const io::Duration step = std::min<io::Duration>(kLookAtTurnEvery, deadline - context_.loop.now());
    const Result<void> told = co_await io::with_timeout(step, job->changed.told());
    if (!told && told.error().code == Errc::cancelled) co_return tl::make_unexpected(told.error());
  }
  if (job->phase == Job::Phase::receiving && job->upload->gone) co_return fail(Errc::not_found, "no such upload");
  co_return state_of(*job, asker);
}

uploads::UploadPtr HelperService::upload_of(std::string_view token, const Asker& asker) const {
  uploads::UploadPtr upload = store_.find_by_token(token);
  const Hash owner = crypto::upload_secret_at_rest_id(asker.upload_secret.reveal());
  const bool theirs = upload != nullptr && equal_constant_time(upload->log.creation.owner.view(), owner.view());
  return theirs ? upload : nullptr;
}

io::Task<Result<HelperState>> HelperService::complete(uploads::UploadPtr upload, Hash pieces, Asker asker) {
  const JobPtr job = find_job(upload->name());
  if (job == nullptr) co_return fail(Errc::not_found, "no such upload");
  if (job->phase == Job::Phase::receiving) {
    HF_CO_TRY_VOID(co_await store_.seal(upload, pieces));
    enter(*job, Job::Phase::waiting);
    if (running_) work_.spawn(push(job));
  } else if (upload->log.seal && *upload->log.seal != pieces) {
    co_return fail(Errc::corrupt, "other bytes have been sealed");
  }
  co_return state_of(*job, asker);
}

/// Whoever works on it stops.
JobPtr HelperService::take_out(const std::string& name) {
  JobPtr job = find_job(name);
  if (job == nullptr) return nullptr;
  jobs_.erase(name);
  job->dropped = true;
  if (job->work != nullptr) job->work->cancel();
  job->changed.notify_all();
  return job;
}

io::Task<void> HelperService::drop(uploads::UploadPtr upload) {
  take_out(upload->name());
  co_await store_.forget(upload);
}

Result<void> HelperService::retry_now(const std::string& name) {
  const JobPtr job = find_job(name);
  const bool over = job == nullptr ? given_up_.contains(name) : job->phase == Job::Phase::failed;
  if (over) return fail(Errc::conflict, "it was given up, and nothing of it is left: its client has to send it again");
  if (job == nullptr) return fail(Errc::not_found, "no such upload");
  job->changed.notify_all();
  return {};
}

io::Task<Result<void>> HelperService::drop_job(std::string name) {
  const JobPtr job = take_out(name);
  const bool known = job != nullptr || given_up_.contains(name);
  if (!known) co_return fail(Errc::not_found, "no such upload");
  co_await no_longer_given_up(name);
  if (job == nullptr) co_return Result<void>{};
  if (job->upload != nullptr) co_await store_.forget(job->upload);
  co_return Result<void>{};
}

/// Small files have slots of their own, so that a few large ones do not hold up hundreds.
io::Semaphore& HelperService::slots_for(const Job& job) {
  return job.geometry.size() <= kSmallBytes ? small_slots_ : large_slots_;
}

io::Task<Result<void>> HelperService::push_once(JobPtr job) {
  enter(*job, Job::Phase::pushing);
  const io::Time begun = context_.loop.now();
  transfer::PushPlan plan{job->si, crypto::private_upload_master(context_.lease_secret, job->si), job->geometry};
  plan.begun_before = true;
  plan.wishes.happy = job->happy;
  plan.wishes.patience.give_up_after = kNoProgressMax;
  plan.wishes.patience.outage = plan.wishes.patience.straggler;  // the client waits for the answer
  plan.wishes.patience.slow_times = 3;
  const auto source =
      transfer::make_ciphertext_source(context_, job->upload->files.data_path(), job->geometry, *job->upload->log.seal);
  job->progress = {};
  transfer::Pushed pushed;
  io::CancelScope scope(co_await io::this_scope());
  job->work = &scope;
  auto pushing = transfer::push_shares(context_, std::move(plan), *source, job->progress, pushed);
  const Result<void> outcome = co_await pushing.in(scope);
  job->work = nullptr;
  counters_.push_seconds += std::chrono::duration<double>(context_.loop.now() - begun).count();
  counters_.pushed_bytes += pushed.bytes_sent;
  counters_.share_bytes_resent += pushed.bytes_resent;
  job->pushed_bytes += pushed.bytes_sent;
  job->resent_bytes += pushed.bytes_resent;
  if (!outcome) co_return outcome;
  ++counters_.pushed;
  job->ueb = std::move(pushed.uri_extension);
  job->shares = names_of(pushed.placed);
  co_return Result<void>{};
}

/// Until the next attempt is due, or an operator asks for it. False when there is none.
io::Task<bool> HelperService::wait_to_retry(JobPtr job) {
  const unsigned doublings = std::min(job->tries, 12U);
  const io::Duration delay = std::min<io::Duration>(kRetryMax, kRetryFirst * (1U << doublings));
  enter(*job, Job::Phase::waiting);
  const Result<void> told = co_await io::with_timeout(delay, job->changed.told());
  co_return (told || told.error().code == Errc::timeout) && !job->dropped;
}

io::Task<void> HelperService::push(JobPtr job) {
  const uploads::UploadPtr upload = job->upload;
  for (;;) {
    io::Semaphore& slots = slots_for(*job);
    const bool mine = co_await slots.acquire();
    if (!mine) co_return;
    Result<void> outcome = fail(Errc::cancelled, "dropped");
    if (!job->dropped) outcome = co_await push_once(job);
    slots.release();
    if (job->dropped) co_return;
    if (outcome) {
      // The shares are proven, so the bytes have done their work. A crash before they are gone finds all shares in place.
      co_await store_.forget(upload);
      job->upload = nullptr;
      enter(*job, Job::Phase::done);
      co_await no_longer_given_up(job->name);
      co_return;
    }
    if (outcome.error().code == Errc::cancelled) co_return;
    ++counters_.push_failures;
    ++job->tries;
    job->reason = outcome.error().what;
    // Since its last byte came, not since this process began: restarts do not make it immortal.
    const bool too_long = store_.idle_for(*upload) > std::chrono::seconds(options_.give_up_seconds);
    const bool damaged = outcome.error().code == Errc::corrupt;
    if (too_long || damaged) {
      co_await give_up(job, outcome.error().what);
      co_await store_.forget(upload);
      co_return;
    }
    context_.log.info("upload " + job->name.substr(0, 8) + ": trying again: " + outcome.error().what);
    const bool again = co_await wait_to_retry(job);
    if (!again) co_return;
  }
}

}  // namespace holdfast::helper
