#include "holdfast/node/helper/helper_service.h"

#include <algorithm>

#include "holdfast/core/crypto/secrets.h"

namespace holdfast::helper {
namespace {

using protocol::HelperState;

constexpr io::Duration kRememberFor = std::chrono::hours(1);
constexpr std::size_t kRememberMax = 1'000;  // answers; who asks later is told what the grid has
constexpr io::Duration kForgetIdleAfter = std::chrono::seconds(60);
constexpr io::Duration kSweepEvery = std::chrono::seconds(60);

Hash owner_of(const Asker& asker) {
  return crypto::upload_secret_at_rest_id(asker.upload_secret.reveal());
}

uploads::UploadStore::World world_of(const transfer::Context& context) {
  return {context.loop, context.disk, context.files, context.random, context.log};
}

}  // namespace

HelperService::HelperService(transfer::Context context, ServiceOptions options)
    : context_(std::move(context)),
      options_(std::move(options)),
      store_(world_of(context_), options_.store),
      large_slots_(context_.loop, options_.pushes_at_once),
      small_slots_(context_.loop, options_.pushes_at_once),
      writing_given_up_(context_.loop, 1),
      work_(context_.loop) {}

HelperService::~HelperService() = default;

void HelperService::enter(Job& job, Job::Phase phase) {
  job.phase = phase;
  job.since = context_.loop.now();
  job.changed.notify_all();
}

io::Task<void> HelperService::give_up(JobPtr job, std::string reason) {
  ++counters_.failed;
  context_.log.warning("upload " + job->name.substr(0, 8) + ": given up: " + reason);
  GivenUp record{job->name, job->geometry.size(), reason, context_.loop.wall_seconds()};
  given_up_.add(std::move(record));
  job->reason = std::move(reason);
  job->upload = nullptr;
  enter(*job, Job::Phase::failed);
  co_await write_given_up();
}

io::Task<void> HelperService::no_longer_given_up(std::string name) {
  if (given_up_.remove(name)) co_await write_given_up();
}

/// Whole, each time: it happens seldom.
io::Task<void> HelperService::write_given_up() {
  if (options_.given_up_path.empty()) co_return;
  const bool mine = co_await writing_given_up_.acquire();
  if (!mine) co_return;
  auto write = [this, bytes = encode(given_up_)] {
    return io::write_file_atomically(context_.files, options_.given_up_path, bytes, io::Open::create_private);
  };
  const Result<void> written = co_await context_.disk.run(write);
  writing_given_up_.release();
  if (!written) context_.log.warning("what was given up is not written down: " + written.error().what);
}

/// Nothing depends on it, so that a damaged one is no reason to stay down.
Result<void> HelperService::read_given_up() {
  if (options_.given_up_path.empty()) return {};
  const Result<Bytes> bytes = io::read_file(context_.files, options_.given_up_path, GivenUpList::kFileBytesMax);
  if (!bytes && bytes.error().code == Errc::not_found) return {};
  if (!bytes) return tl::make_unexpected(bytes.error());
  HF_TRY(given_up_, decode_given_up(*bytes));
  return {};
}

JobPtr HelperService::job_of(const uploads::UploadPtr& upload) const {
  const Result<About> about = decode_about(upload->log.creation.about);
  if (!about) return nullptr;
  const Result<immutable::Geometry> geometry = geometry_of(about->request);
  if (!geometry) return nullptr;
  auto job = std::make_shared<Job>(context_.loop, upload->name(), about->si, *geometry);
  job->happy = about->request.happy;
  job->upload = upload;
  job->phase = upload->is_sealed() ? Job::Phase::waiting : Job::Phase::receiving;
  job->since = context_.loop.now() - store_.idle_for(*upload);
  return job;
}

JobPtr HelperService::find_job(const std::string& name) {
  if (const auto it = jobs_.find(name); it != jobs_.end()) return it->second;
  const uploads::UploadPtr upload = store_.find(name);
  JobPtr job = upload != nullptr && upload->is_open() ? job_of(upload) : nullptr;
  if (job != nullptr) jobs_[name] = job;
  return job;
}

std::vector<JobPtr> HelperService::jobs() const {
  std::vector<JobPtr> out;
  for (const auto& [name, job] : jobs_) out.push_back(job);
  for (const auto& [name, upload] : store_.uploads()) {
    const bool known = jobs_.contains(upload->name());
    if (JobPtr job = known ? nullptr : job_of(upload); job != nullptr) out.push_back(std::move(job));
  }
  std::ranges::sort(out, {}, [](const JobPtr& job) -> const std::string& { return job->name; });
  return out;
}

io::Task<Result<void>> HelperService::open() {
  HF_CO_TRY_VOID(co_await store_.open());
  auto read = [this] { return read_given_up(); };
  const Result<void> remembered = co_await context_.disk.run(read);
  if (!remembered) context_.log.warning("what was given up is not known: " + remembered.error().what);
  std::vector<uploads::UploadPtr> strangers;
  for (const auto& [name, upload] : store_.uploads()) {
    const JobPtr job = job_of(upload);
    if (job == nullptr || upload->log.phase == resume::UploadPhase::committed) {
      strangers.push_back(upload);
    } else if (upload->is_sealed()) {
      jobs_[job->name] = job;
    }
  }
  for (const uploads::UploadPtr& each : strangers) co_await store_.forget(each);
  co_return Result<void>{};
}

io::Task<void> HelperService::run() {
  running_ = true;
  for (const auto& [name, job] : jobs_) {
    if (job->phase == Job::Phase::waiting) work_.spawn(push(job));
  }
  {
    io::TaskGroup tending(co_await io::this_scope());
    tending.spawn(store_.tend());
    tending.spawn(sweep());
    co_await tending.join();
  }
  running_ = false;  // requests are still being answered; what they seal is pushed after the next start
  work_.cancel();
  co_await work_.join();
}

/// Answers are remembered for a while; an upload that the store has ended is over; of one to which nothing comes the store
/// knows enough.
io::Task<void> HelperService::sweep() {
  for (;;) {
    const bool on = co_await io::sleep_for(kSweepEvery);
    if (!on) co_return;
    forget_jobs();
  }
}

void HelperService::forget_jobs() {
  std::vector<io::Time> over;
  for (const auto& [name, job] : jobs_) {
    if (job->phase == Job::Phase::done || job->phase == Job::Phase::failed) over.push_back(job->since);
  }
  std::ranges::sort(over, std::greater());
  io::Time keep_from = context_.loop.now() - kRememberFor;
  if (over.size() > kRememberMax) keep_from = std::max(keep_from, over[kRememberMax]);
  std::erase_if(jobs_, [&](const auto& each) { return may_forget(each.second, keep_from); });
}

bool HelperService::may_forget(const JobPtr& job, io::Time answered_before) const {
  if (job->phase == Job::Phase::done || job->phase == Job::Phase::failed) return job->since < answered_before;
  if (job->phase != Job::Phase::receiving) return false;
  const bool asked =
      job.use_count() > 1 || job->upload->turn != nullptr || job->happy_raised || !job->upload->is_open();
  return job->upload->gone || (!asked && store_.idle_for(*job->upload) > kForgetIdleAfter);
}

HelperState HelperService::state_of(const Job& job, const Asker& asker) const {
  HelperState out;
  switch (job.phase) {
    case Job::Phase::looking:
    case Job::Phase::receiving:
      out.kind = HelperState::Kind::receiving;
      if (job.upload == nullptr) return out;
      out.upload = store_.token_of(*job.upload);
      out.offset = job.upload->log.durable;
      out.busy = store_.is_busy_for(*job.upload, asker.client_id);
      return out;
    case Job::Phase::repairing:
      out.kind = HelperState::Kind::repairing;
      break;
    case Job::Phase::waiting:
      out.kind = HelperState::Kind::encoding;
      break;
    case Job::Phase::pushing:
      out.kind = HelperState::Kind::pushing;
      break;
    case Job::Phase::done:
      out.kind = job.present ? HelperState::Kind::present : HelperState::Kind::done;
      out.ueb = job.ueb;
      out.shares = job.shares;
      return out;
    case Job::Phase::failed:
      out.kind = HelperState::Kind::failed;
      out.reason = job.reason;
      return out;
  }
  out.done_bytes = job.progress.done_bytes;
  out.total_bytes = job.progress.total_bytes;
  return out;
}

io::Task<Result<HelperService::Answer>> HelperService::begin(StorageIndex si, protocol::HelperRequest request,
                                                             Asker asker) {
  HF_CO_TRY(const immutable::Geometry geometry, geometry_of(request));
  ++counters_.asked;
  const Hash owner = owner_of(asker);
  const std::string name = job_name(si, owner);
  for (JobPtr job = find_job(name); job != nullptr; job = find_job(name)) {
    if (job->phase == Job::Phase::looking) {
      HF_CO_TRY_VOID(co_await job->changed.told());
      continue;  // what is there by now may be another one
    }
    const immutable::Params &a = job->geometry.params(), &b = geometry.params();
    if (a.size != b.size || a.k != b.k || a.n != b.n || a.segment_size != b.segment_size)
      co_return fail(Errc::conflict, "this upload has begun with other parameters");
    const bool over = job->phase == Job::Phase::done || job->phase == Job::Phase::failed ||
                      (job->phase == Job::Phase::receiving && job->upload->gone);
    if (!over) {
      job->happy_raised |= request.happy > job->happy;
      job->happy = std::max(job->happy, request.happy);
      co_return Answer{state_of(*job, asker), false};
    }
    jobs_.erase(name);
  }
  auto job = std::make_shared<Job>(context_.loop, name, si, geometry);
  job->happy = request.happy;
  job->prove = request.prove;
  jobs_[name] = job;
  Result<void> ready = co_await look(job, std::set<Hash>(request.reject.begin(), request.reject.end()), owner);
  if (ready && job->phase == Job::Phase::looking) ready = co_await receive(job, owner);
  if (!ready) {
    if (const auto it = jobs_.find(name); it != jobs_.end() && it->second == job) jobs_.erase(it);
    enter(*job, Job::Phase::failed);
    co_return tl::make_unexpected(ready.error());
  }
  co_return Answer{state_of(*job, asker), job->phase == Job::Phase::receiving};
}

}  // namespace holdfast::helper
