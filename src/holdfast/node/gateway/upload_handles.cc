#include "holdfast/node/gateway/upload_handles.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"

namespace holdfast::gateway {
namespace {

using State = UploadHandle::State;
using Phase = resume::UploadPhase;

constexpr std::size_t kNameBytes = 20;
constexpr std::size_t kTextBytesMax = 1'024;  // a file name, a media type
constexpr double kRequestsPerSecond = 20, kRequestsAtOnce = 100;
constexpr io::Duration kSweepEvery = std::chrono::seconds(60);

uploads::UploadStore::World world_of(const transfer::Context& context) {
  return {context.loop, context.disk, context.files, context.random, context.log};
}

/// The same grid, but files that were joined can be read.
transfer::Context with_files(transfer::Context context, io::FileSystem& files) {
  return {context.loop,
          context.cpu,
          context.disk,
          files,
          context.random,
          context.log,
          context.servers,
          context.preferred_servers,
          std::move(context.lease_secret),
          std::move(context.convergence),
          context.journal_directory,
          context.helpers};
}

State state_of(const uploads::Upload& upload) {
  switch (upload.log.phase) {
    case Phase::open:
      return State::receiving;
    case Phase::sealed:
      return State::committing;
    case Phase::committed:
      return State::committed;
    case Phase::ended:
      break;
  }
  return State::failed;
}

/// What is to be remembered comes from a stranger, and fields of a request are longer than what there is room for.
Result<void> check_about(const UploadAbout& about) {
  if (about.name.size() > kTextBytesMax) return fail(Errc::malformed, "that file name is too long");
  if (about.media_type.size() > kTextBytesMax) return fail(Errc::malformed, "that media type is too long");
  if (encode(about).size() > resume::kAboutBytesMax)
    return fail(Errc::malformed, "that is more than is remembered of an upload");
  return {};
}

}  // namespace

UploadHandles::UploadHandles(const transfer::Context& context, HandleOptions options)
    : options_(std::move(options)),
      files_(context.files),
      context_(with_files(context, files_)),
      store_(world_of(context), options_.store),
      large_slots_(context.loop, options_.commits_at_once),
      small_slots_(context.loop, options_.commits_at_once),
      work_(context.loop) {}

UploadHandles::~UploadHandles() = default;

void UploadHandles::enter(UploadHandle& handle, State state) {
  handle.state = state;
  handle.since = context_.loop.now();
  handle.changed.notify_all();
}

Result<std::vector<UploadHandlePtr>> UploadHandles::parts_of(const UploadAbout& about) const {
  std::vector<UploadHandlePtr> out;
  for (const std::string& name : about.parts) {
    UploadHandlePtr part = find_by_name(name);
    if (part == nullptr || part->has_ended())
      return fail(Errc::not_found, "one of the uploads to be joined is not there");
    if (!part->about.partial) return fail(Errc::malformed, "only partial uploads can be joined");
    out.push_back(std::move(part));
  }
  return out;
}

void UploadHandles::pin(const std::vector<UploadHandlePtr>& parts) {
  for (const UploadHandlePtr& part : parts) ++part->upload->pins;
}

void UploadHandles::unpin(UploadHandle& handle) {
  for (const UploadHandlePtr& part : std::exchange(handle.parts, {})) --part->upload->pins;
}

io::Task<Result<void>> UploadHandles::open() {
  HF_CO_TRY_VOID(co_await store_.open());
  std::vector<UploadHandlePtr> joined;
  for (const auto& [name, upload] : store_.uploads()) {
    Result<UploadAbout> about = UploadAbout{};
    if (!upload->has_ended()) about = decode_upload_about(upload->log.creation.about);
    auto handle = about ? std::make_shared<UploadHandle>(context_.loop, upload, std::move(*about)) : nullptr;
    if (handle != nullptr) handle->state = state_of(*upload);
    if (handle != nullptr && handle->state == State::committed) {
      Result<UploadResult> result = decode_upload_result(upload->log.result);
      if (result && options_.committed) options_.committed(*result);
      if (result) handle->result = std::move(*result);
      if (!result) handle = nullptr;
    }
    if (handle == nullptr) {
      // A newer version may have written it, and may want to go on with it. The store knows it, and ends it when it is old.
      context_.log.error("the upload " + std::string(name.substr(0, 8)) +
                         " says what is not understood here: it is kept as it is");
      continue;
    }
    handle->note = upload->log.reason;
    handles_[upload->name()] = handle;
    if (!handle->about.parts.empty() && handle->state != State::committed) joined.push_back(handle);
    if (handle->state == State::committing) to_commit_.push_back(handle);
  }
  for (const UploadHandlePtr& handle : joined) {
    Result<std::vector<UploadHandlePtr>> parts = parts_of(handle->about);
    if (!parts) {
      co_await fail_handle(handle, parts.error().what);
      continue;
    }
    handle->parts = std::move(*parts);
    pin(handle->parts);
  }
  std::erase_if(to_commit_, [](const UploadHandlePtr& each) { return each->has_ended(); });
  co_return Result<void>{};
}

io::Task<void> UploadHandles::run() {
  running_ = true;
  for (UploadHandlePtr& handle : to_commit_) work_.spawn(commit(std::move(handle)));
  to_commit_.clear();
  // A crash may have come between the last byte and the seal; nobody has to come back for that.
  const std::map<std::string, UploadHandlePtr> all = handles_;
  for (const auto& [name, handle] : all) {
    const Result<void> finished = co_await finish_if_whole(handle);
    if (!finished) context_.log.warning("an upload that was whole: " + finished.error().what);
  }
  {
    io::TaskGroup tending(co_await io::this_scope());
    tending.spawn(store_.tend());
    tending.spawn(sweep());
    co_await tending.join();
  }
  running_ = false;
  work_.cancel();
  co_await work_.join();
}

io::Task<void> UploadHandles::sweep() {
  for (;;) {
    const bool on = co_await io::sleep_for(kSweepEvery);
    if (!on) co_return;
    for (auto& [name, handle] : handles_) {
      if (handle->has_ended()) unpin(*handle);
    }
    std::erase_if(handles_, [](const auto& each) { return each.second->upload->gone; });
  }
}

io::Task<Result<UploadHandlePtr>> UploadHandles::create(NewHandle wanted) {
  HF_CO_TRY_VOID(check_about(wanted.about));
  HF_CO_TRY(std::vector<UploadHandlePtr> parts, parts_of(wanted.about));
  const auto open_ones = std::ranges::count_if(handles_, [](const auto& each) { return each.second->is_receiving(); });
  if (static_cast<std::size_t>(open_ones) >= options_.store.uploads_max)
    co_return fail(Errc::unavailable, "too many uploads are open here");
  pin(parts);  // while it is made nobody may empty them or end them
  if (wanted.name.empty()) wanted.name = base32_encode(context_.random.bytes(kNameBytes));
  if (const UploadHandlePtr former = find_by_name(wanted.name); former != nullptr && former->has_ended()) {
    co_await store_.forget(former->upload);
    handles_.erase(wanted.name);
  }
  uploads::UploadStore::NewUpload upload{wanted.name, Hash{}, wanted.length, encode(wanted.about), !parts.empty()};
  Result<uploads::UploadPtr> made = co_await store_.create(std::move(upload));
  if (!made) {
    for (const UploadHandlePtr& part : parts) --part->upload->pins;
    co_return fail(made.error().code, told(made.error().what));
  }
  auto handle = std::make_shared<UploadHandle>(context_.loop, std::move(*made), std::move(wanted.about));
  handle->parts = std::move(parts);
  handles_[handle->upload->name()] = handle;
  ++counters_.created;
  const bool tus =
      handle->about.dialect == UploadAbout::Dialect::tus;  // in the others a body comes, though an empty one
  Result<void> finished;
  if (tus) finished = co_await finish_if_whole(handle);
  if (!finished) co_return fail(finished.error().code, told(finished.error().what));
  co_return handle;
}

UploadHandlePtr UploadHandles::find_by_token(std::string_view token) const {
  const uploads::UploadPtr upload = store_.find_by_token(token);
  return upload == nullptr ? nullptr : find_by_name(upload->name());
}

UploadHandlePtr UploadHandles::find_by_name(const std::string& name) const {
  const auto it = handles_.find(name);
  return it == handles_.end() || it->second->upload->gone ? nullptr : it->second;
}

io::Task<Result<std::uint64_t>> UploadHandles::query(UploadHandlePtr handle) {
  if (!handle->is_receiving() || !handle->parts.empty()) co_return handle->offset();
  {
    const auto turn = co_await store_.take_turn(handle->upload, "");
    if (!turn) co_return tl::make_unexpected(turn.error());
    const Result<void> synced = co_await store_.sync(handle->upload);
    if (!synced) co_return fail(synced.error().code, told(synced.error().what));
    co_await fail_if_lost(handle);
    // Its last byte may have come when its sender was cut off. Who is told that the offset is the length will send no more.
    const Result<void> finished = co_await finish_if_whole(handle);
    if (!finished && finished.error().code != Errc::corrupt)
      co_return fail(finished.error().code, told(finished.error().what));
  }
  co_return handle->offset();
}

io::Task<Result<UploadHandles::Prefix>> UploadHandles::prefix_of(UploadHandlePtr handle) {
  const auto turn = co_await store_.take_turn(handle->upload, "");
  if (!turn) co_return tl::make_unexpected(turn.error());
  HF_CO_TRY_VOID(co_await store_.settle(handle->upload, false));  // of what counts, and nothing behind it
  HF_CO_TRY_VOID(co_await store_.sync(handle->upload));
  Prefix out;
  HF_CO_TRY(out.sha256, co_await store_.digest_of(handle->upload));
  out.bytes = handle->offset();
  co_return out;
}

io::Task<Result<void>> UploadHandles::prove_pending(UploadHandlePtr handle, std::uint64_t offset, Hash sha256) {
  const uploads::UploadPtr& upload = handle->upload;
  const auto turn = co_await store_.take_turn(upload, "");
  if (!turn) co_return tl::make_unexpected(turn.error());
  if (!upload->is_open() || !upload->held_back || upload->written != offset) co_return Result<void>{};
  HF_CO_TRY(const Hash held, co_await store_.digest_of(upload));
  if (held != sha256) co_return Result<void>{};
  counters_.bytes_proven_later += offset - upload->log.durable;
  co_return co_await store_.settle(upload, true);
}

io::Task<bool> UploadHandles::cancel(UploadHandlePtr handle) {
  constexpr auto kHow = resume::UploadEnd::cancelled;
  if (handle->has_ended()) co_return co_await store_.end(handle->upload, kHow, "cancelled");
  ++counters_.cancelled;
  const bool pushed = handle->state == State::committing || handle->state == State::waiting;
  const std::string path = source_path(*handle);
  const bool lasts = co_await store_.end(handle->upload, kHow, "cancelled");
  if (handle->work != nullptr) handle->work->cancel();
  unpin(*handle);
  enter(*handle, State::failed);
  if (pushed && running_) work_.spawn(abandon_shares(path));
  co_return lasts;
}

io::Task<void> UploadHandles::wait_for_result(UploadHandlePtr handle, io::Duration patience, bool or_trouble) {
  const io::Time deadline = context_.loop.now() + patience;
  for (;;) {
    const bool working = handle->state == State::receiving || handle->state == State::committing ||
                         (handle->state == State::waiting && !or_trouble);
    const io::Duration left = deadline - context_.loop.now();
    if (!working || handle->has_ended() || left <= io::Duration::zero()) co_return;
    const Result<void> told = co_await io::with_timeout(left, handle->changed.told());
    if (!told && told.error().code == Errc::cancelled) co_return;
  }
}

std::string UploadHandles::told(std::string what) const {
  for (const std::string& directory :
       {options_.store.receiving_directory, options_.store.sealed_directory, context_.journal_directory}) {
    if (directory.empty() || what.find(directory) == std::string::npos) continue;
    context_.log.warning("uploads: " + what);
    return "there is trouble with the disk of this gateway";
  }
  return what;
}

bool UploadHandles::allow_request(UploadHandle& handle) const {
  const io::Time now = context_.loop.now();
  const double passed = std::chrono::duration<double>(now - handle.tokens_at).count();
  handle.request_tokens = std::min(kRequestsAtOnce, handle.request_tokens + passed * kRequestsPerSecond);
  handle.tokens_at = now;
  if (handle.request_tokens < 1) return false;
  handle.request_tokens -= 1;
  return true;
}

}  // namespace holdfast::gateway
