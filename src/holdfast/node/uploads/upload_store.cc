#include "holdfast/node/uploads/upload_store.h"

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/node/uploads/holding.h"

namespace holdfast::uploads {
namespace {

constexpr std::size_t kTokenCheckBytes = 16;
constexpr io::Duration kLookEvery = std::chrono::milliseconds(250);
constexpr io::Duration kSyncEvery = std::chrono::seconds(1);
constexpr io::Duration kSweepEvery = std::chrono::seconds(60);
constexpr io::Duration kOpenIdleMax = std::chrono::seconds(10);

Hash token_check(const Secret& key, const resume::UploadId& id) {
  return crypto::pair_hash(crypto::kTagUploadToken, key.reveal(), id.view());
}

UploadsById::const_iterator place_of(const resume::UploadId& id, const UploadsById& uploads) {
  return std::ranges::lower_bound(uploads, id, {}, [](const Upload* each) { return each->log.creation.id; });
}

}  // namespace

UploadStore::UploadStore(World world, StoreOptions options)
    : world_(world),
      options_(std::move(options)),
      receiving_{options_.receiving_directory},
      sealed_{options_.sealed_directory},
      removed_(world.loop),
      evicted_(world.loop) {}

void UploadStore::add(UploadPtr upload) {
  by_id_.insert(place_of(upload->log.creation.id, by_id_), upload.get());
  const std::string_view name = upload->name();
  uploads_[name] = std::move(upload);
}

UploadPtr UploadStore::find(const std::string& name) const {
  const auto it = uploads_.find(name);
  return it == uploads_.end() ? nullptr : it->second;
}

std::string UploadStore::token_of(const Upload& upload) const {
  const resume::UploadId& id = upload.log.creation.id;
  return base32_encode(id.view()) + base32_encode(token_check(token_key_, id).view().first(kTokenCheckBytes));
}

UploadPtr UploadStore::find_by_token(std::string_view token) const {
  constexpr std::size_t kHalf = 26;  // characters of 16 bytes in base32
  if (token.size() != 2 * kHalf) return nullptr;
  const auto id_bytes = base32_decode(token.substr(0, kHalf));
  const auto check = base32_decode(token.substr(kHalf));
  if (!id_bytes || !check || id_bytes->size() != resume::UploadId::kSize) return nullptr;
  const resume::UploadId id = resume::UploadId::from(*id_bytes);
  if (!equal_constant_time(*check, token_check(token_key_, id).view().first(kTokenCheckBytes))) return nullptr;
  const auto it = place_of(id, by_id_);
  return it == by_id_.end() || (*it)->log.creation.id != id ? nullptr : find((*it)->name());
}

io::Duration UploadStore::idle_for(const Upload& upload) const {
  return upload.idle_before + (world_.loop.now() - upload.active);
}

// --- a life

io::Task<Result<UploadPtr>> UploadStore::create(NewUpload wanted) {
  const std::uint64_t length = wanted.length.value_or(0);
  if (length > std::min(options_.upload_bytes_max, options_.bytes_max))
    co_return fail(Errc::unsupported, "uploads of that size are not taken here");
  if (wanted.about.size() > resume::kAboutBytesMax) co_return fail(Errc::malformed, kTooMuchAbout);
  // The files of a former one would take those of the new one with them.
  while (removing_.contains(wanted.name)) HF_CO_TRY_VOID(co_await removed_.told());
  if (uploads_.contains(wanted.name) || creating_.contains(wanted.name))
    co_return fail(Errc::conflict, "there is such an upload");
  const auto open_ones = std::ranges::count_if(uploads_, [](const auto& each) { return each.second->is_open(); });
  if (static_cast<std::size_t>(open_ones) >= options_.uploads_max)
    co_return fail(Errc::no_space, "too many uploads are open here");
  creating_.insert(wanted.name);
  co_await forget_oldest();
  co_await measure();
  if (!may_promise(length)) {
    creating_.erase(wanted.name);
    co_return fail(Errc::no_space, "there is no room for that upload now");
  }
  auto upload = std::make_shared<Upload>(world_.loop, SpoolFiles(world_.files, receiving_, wanted.name));
  upload->log.creation = {{}, wanted.owner, wanted.length, world_.loop.wall_seconds(), std::move(wanted.about)};
  world_.random.fill(upload->log.creation.id.bytes);
  upload->log.length = wanted.length;
  upload->log.joined = wanted.joined;
  upload->active = world_.loop.now();
  auto job = [&upload]() -> Result<void> {
    HF_TRY_VOID(upload->files.remove_data());  // a crash may have left bytes of an earlier one
    Bytes journal = resume::encode_creation(upload->log.creation);
    if (upload->log.joined) ::holdfast::append(journal, resume::encode_joined());
    return upload->files.write_journal(journal);
  };
  const Result<void> made = co_await world_.disk.run(job);
  creating_.erase(upload->name());
  if (!made) co_return tl::make_unexpected(made.error());
  ++counters_.created;
  add(upload);
  co_return upload;
}

/// Both of its semaphores; also when the caller is being stopped: half of an end would come back at the next start.
io::Task<void> UploadStore::take_alone(UploadPtr upload) {
  io::CancelScope alone(world_.loop);
  auto order = upload->order.acquire();
  co_await order.in(alone);
  auto journalling = upload->journalling.acquire();
  co_await journalling.in(alone);
}

io::Task<bool> UploadStore::forget(UploadPtr upload) {
  if (upload->gone) co_return true;
  upload->gone = true;
  if (upload->turn != nullptr) upload->turn->scope.cancel();
  uploads_.erase(upload->name());
  removing_.insert(upload->name());
  by_id_.erase(place_of(upload->log.creation.id, by_id_));
  unsynced_.erase(upload);
  co_await take_alone(upload);
  auto job = [&upload] { return upload->files.remove(); };
  const Result<void> removed = co_await world_.disk.run(job);
  if (!removed) world_.log.warning("removing the upload " + upload->name().substr(0, 8) + ": " + removed.error().what);
  upload->journalling.release();
  upload->order.release();
  removing_.erase(upload->name());
  removed_.notify_all();
  co_return removed.has_value();
}

/// Whoever makes uploads and ends them all day does not fill the directory and the memory with what is remembered of them.
io::Task<void> UploadStore::forget_oldest() {
  std::vector<UploadPtr> ended;
  for (const auto& [name, upload] : uploads_) {
    if (upload->has_ended() && !upload->end_is_owed) ended.push_back(upload);
  }
  if (ended.size() <= options_.tombstones_max) co_return;
  std::ranges::sort(ended, std::greater(), [this](const UploadPtr& each) { return idle_for(*each); });
  ended.resize(ended.size() - options_.tombstones_max);
  for (const UploadPtr& each : ended) co_await forget(each);
}

/// All that is remembered of one that has ended.
void UploadStore::make_tombstone(Upload& upload) const {
  upload.log.phase = resume::UploadPhase::ended;
  upload.written = upload.log.durable = 0;
  upload.log.withdrawn.clear();
  upload.log.seal.reset();
  upload.log.step.clear();
  upload.log.result.clear();
  upload.log.creation.about.clear();
  upload.log.active_wall = world_.loop.wall_seconds();
  upload.active = world_.loop.now();
  upload.idle_before = {};
  forget_digests(upload);
}

io::Task<bool> UploadStore::end(UploadPtr upload, resume::UploadEnd how, std::string reason) {
  if (options_.tombstone_seconds == 0) co_return co_await forget(std::move(upload));
  const bool again = upload->has_ended();
  if (again && (upload->gone || !upload->end_is_owed)) co_return true;
  if (!again) {
    upload->log.phase = resume::UploadPhase::ended;
    upload->log.end = how;
    upload->log.reason = std::move(reason);
    upload->end_is_owed = true;
  }
  if (upload->turn != nullptr) upload->turn->scope.cancel();
  unsynced_.erase(upload);
  co_await take_alone(upload);
  make_tombstone(*upload);
  auto write = [&upload, journal = resume::compact_upload(upload->log)] {
    return upload->files.write_journal(journal);
  };
  Result<void> written = co_await world_.disk.run(write);
  // The journal first: whatever fails behind it, the upload has ended. Without room for it nothing may be left: a journal that
  // says "open" would bring the upload back.
  auto remove = [&]() -> Result<void> {
    HF_TRY_VOID(written ? upload->files.remove_data() : upload->files.remove_for_good());
    upload->files.close();
    return {};
  };
  const Result<void> removed = co_await world_.disk.run(remove);
  const Result<void>& trouble = written ? removed : written;
  if (!trouble) world_.log.warning("ending the upload " + upload->name().substr(0, 8) + ": " + trouble.error().what);
  if (written || removed) upload->end_is_owed = false;
  upload->journalling.release();
  upload->order.release();
  co_return !upload->end_is_owed;
}

io::Task<std::optional<std::string>> UploadStore::find_loss(UploadPtr upload) {
  if (!upload->is_open() || upload->log.joined) co_return std::nullopt;
  auto job = [&upload] { return upload->files.data_bytes(); };
  const Result<std::uint64_t> size = co_await world_.disk.run(job);
  if (!size || *size >= upload->log.durable) co_return std::nullopt;
  co_return what_is_lost(upload->log.durable, *size);
}

/// Seconds without a byte.
std::uint64_t UploadStore::lifetime(const Upload& upload) const {
  const bool empty = upload.written == 0 && !upload.log.joined && !options_.keeps_empty;
  return empty ? std::min(options_.idle_seconds, options_.retention_seconds) : options_.retention_seconds;
}

std::uint64_t UploadStore::expires_in(const Upload& upload) const {
  const io::Duration left = std::chrono::seconds(lifetime(upload)) - idle_for(upload);
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, std::chrono::floor<std::chrono::seconds>(left).count()));
}

io::Task<Result<void>> UploadStore::commit(UploadPtr upload, Bytes result) {
  HF_CHECK(upload->log.phase == resume::UploadPhase::sealed);
  const std::int64_t wall = world_.loop.wall_seconds();
  HF_CO_TRY_VOID(co_await journal(upload, resume::encode_result(result, wall)));
  if (!upload->is_sealed()) co_return tl::make_unexpected(gone_error());
  upload->log.phase = resume::UploadPhase::committed;
  upload->log.result = std::move(result);
  upload->written = 0;
  hear(*upload);  // it may have waited for days: the result is remembered from now on
  ++counters_.committed;
  auto job = [&upload] { return upload->files.remove_data(); };
  co_return co_await world_.disk.run(job);
}

// --- time

io::Task<void> UploadStore::sync_quietly(UploadPtr upload) {
  const Result<void> synced = co_await sync(upload);
  if (!synced && !upload->has_ended())
    world_.log.warning("syncing the upload " + upload->name().substr(0, 8) + ": " + synced.error().what);
}

/// Thousands of idle uploads must not hold as many descriptors. Whoever works on the files holds one of the two.
void UploadStore::close_idle() {
  for (const auto& [name, upload] : uploads_) {
    const bool idle = upload->turn == nullptr && world_.loop.now() - upload->active > kOpenIdleMax;
    if (idle && upload->order.available() == 1 && upload->journalling.available() == 1) upload->files.close();
  }
}

io::Task<void> UploadStore::sweep() {
  const std::map<std::string_view, UploadPtr> all = uploads_;
  for (const auto& [name, upload] : all) {
    const auto idle = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::seconds>(idle_for(*upload)).count());
    const bool remembered_enough =
        (upload->log.phase == resume::UploadPhase::committed && idle > options_.result_seconds) ||
        (upload->log.phase == resume::UploadPhase::ended && idle > options_.tombstone_seconds);
    if (remembered_enough) co_await forget(upload);
    if (upload->end_is_owed) co_await end(upload, upload->log.end, upload->log.reason);
    co_await end_if_expired(upload);
  }
}

io::Task<void> UploadStore::end_if_expired(UploadPtr upload) {
  if (!upload->is_open() || upload->turn != nullptr || upload->pins > 0) co_return;
  if (idle_for(*upload) <= std::chrono::seconds(lifetime(*upload))) co_return;
  ++counters_.expired;
  co_await end(std::move(upload), resume::UploadEnd::expired, "nothing came for too long");
}

io::Task<void> UploadStore::tend() {
  io::Time swept = world_.loop.now(), closed = swept;
  {
    io::TaskGroup syncing(co_await io::this_scope());
    for (;;) {
      const bool on = co_await io::sleep_for(kLookEvery);
      if (!on) break;
      const io::Time now = world_.loop.now();
      for (auto it = unsynced_.begin(); it != unsynced_.end();) {
        const bool due = (*it)->written > (*it)->log.durable && now - (*it)->unsynced_since >= kSyncEvery;
        if (due) syncing.spawn(sync_quietly(*it));
        it = due ? unsynced_.erase(it) : std::next(it);
      }
      if (now - closed >= kOpenIdleMax) {
        closed = now;
        close_idle();
      }
      if (now - swept < kSweepEvery) continue;
      swept = now;
      co_await sweep();
      co_await measure();
    }
    co_await syncing.join();
  }
  io::CancelScope alone(world_.loop);
  const std::map<std::string_view, UploadPtr> all = uploads_;
  for (const auto& [name, upload] : all) {
    auto last = sync_quietly(upload);
    co_await last.in(alone);
  }
}

}  // namespace holdfast::uploads
