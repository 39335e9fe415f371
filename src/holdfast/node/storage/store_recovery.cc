// Opening the store: the lock, and what an earlier process left behind (storage-server.md 8).
#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/secrets.h"
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kJournalBytesMax = 64 * 1'048'576;
constexpr std::int64_t kSecondThought = 86'400;  // for what seems to have been idle for years
constexpr std::int64_t kYear = 365 * 86'400;
constexpr std::int64_t kPlausibleWall = 1'577'836'800;  // 2020-01-01: an earlier clock says nothing

}  // namespace

io::Task<Result<void>> ShareStore::open() {
  auto job = [this]() -> Result<void> {
    HF_TRY_VOID(io::make_lasting_directory(world_.files, paths_.incoming()));
    HF_TRY(lock_, world_.files.open(paths_.lock(), io::Open::create));
    if (auto locked = lock_->lock(); !locked) {
      return fail(locked.error().code, paths_.root() + " is served by another process already");
    }
    HF_TRY_VOID(count_advisories());
    return scan_incoming();
  };
  HF_CO_TRY_VOID(co_await world_.disk.run(job));
  co_await measure();
  const Uploads found = uploads_;
  for (const auto& [key, upload] : found) {
    if (!upload->complete()) continue;
    const Result<bool> completed = co_await complete(upload);  // if it fails, the client's next PATCH tries again
    if (!completed) world_.log.warning("a complete upload could not be made a share: " + completed.error().what);
  }
  co_return Result<void>{};
}

io::Task<void> ShareStore::tend() {
  for (;;) {
    const bool slept = co_await io::sleep_for(std::chrono::seconds(1));
    if (!slept) break;
    co_await measure();
    co_await sweep();
  }
}

io::Task<void> ShareStore::flush() {
  co_await background_.join();
  const std::set<std::shared_ptr<IncomingUpload>> dirty = dirty_;
  for (const auto& upload : dirty) co_await commit_quietly(upload);
}

/// What peers may still report is limited over all starts: by what lies there.
Result<void> ShareStore::count_advisories() {
  const auto entries = world_.files.list(paths_.advisories());
  if (!entries && entries.error().code == Errc::not_found) return {};
  if (!entries) return tl::make_unexpected(entries.error());
  for (const auto& entry : *entries) {
    const auto info = world_.files.info(paths_.advisories() + "/" + entry.name);
    if (!info) continue;
    ++advisory_files_;
    advisory_bytes_ += info->size;
  }
  return {};
}

/// Runs in a job before anything else has begun.
Result<void> ShareStore::scan_incoming() {
  // The process before may have died between a rename and its sync: what is seen as complete must be.
  HF_TRY_VOID(world_.files.sync_all(paths_.shares()));
  HF_TRY(const auto prefixes, world_.files.list(paths_.incoming()));
  for (const auto& prefix : prefixes) {
    const std::string prefix_path = paths_.incoming() + "/" + prefix.name;
    if (!prefix.is_directory) {
      static_cast<void>(world_.files.unlink(prefix_path));  // it never had a journal: nothing of it counted
      continue;
    }
    HF_TRY(const auto buckets, world_.files.list(prefix_path));
    for (const auto& bucket : buckets) {
      const auto si = base32_decode_id<StorageIndex>(bucket.name);
      if (si && bucket.is_directory) HF_TRY_VOID(scan_bucket(prefix_path + "/" + bucket.name, *si));
    }
    static_cast<void>(world_.files.remove_directory(prefix_path));  // if nothing is left in it
  }
  return {};
}

Result<void> ShareStore::scan_bucket(const std::string& path, const StorageIndex& si) {
  HF_TRY(const auto entries, world_.files.list(path));
  std::map<std::string, unsigned> seen;  // base name -> bit 0: .part, bit 1: .log
  for (const auto& entry : entries) {
    if (entry.is_directory) continue;
    const bool part = entry.name.ends_with(".part");
    if (part || entry.name.ends_with(".log")) {
      seen[entry.name.substr(0, entry.name.rfind('.'))] |= part ? 1u : 2u;
    } else {
      static_cast<void>(world_.files.unlink(path + "/" + entry.name));  // Tahoe's plain <n>, or a temporary file
    }
  }
  for (const auto& [name, bits] : seen) {
    std::string base = path;
    base.append("/").append(name);
    const auto share = share_number_of(name.substr(0, name.find('.')));
    if (share && bits == 3) {
      adopt(si, *share, base);
      continue;
    }
    static_cast<void>(world_.files.unlink(base + ".part"));
    static_cast<void>(world_.files.unlink(base + ".log"));
  }
  static_cast<void>(world_.files.remove_directory(path));  // if nothing is left in it
  return {};
}

void ShareStore::adopt(const StorageIndex& si, ShareNumber share, const std::string& base) {
  const auto discard = [&] {
    static_cast<void>(world_.files.unlink(base + ".log"));
    static_cast<void>(world_.files.unlink(base + ".part"));
  };
  const Result<Bytes> bytes = io::read_file(world_.files, base + ".log", kJournalBytesMax);
  const auto part = world_.files.info(base + ".part");
  const auto log = world_.files.info(base + ".log");
  // What cannot be read now may be readable after the next start.
  if (!part || !log || (!bytes && bytes.error().code != Errc::malformed)) return;
  const Result<JournalContent> journal = bytes ? decode_journal(*bytes) : tl::make_unexpected(bytes.error());
  const std::int64_t now = world_.loop.wall_seconds();
  if (!resumes() || !journal || !journal->header.resumable || journal->header.allocated_size == 0 ||
      part->size < kContainerHeaderBytes + journal->header.allocated_size ||
      paths_.upload(si, share, journal->header.at_rest_id) != base || world_.files.info(paths_.share(si, share))) {
    discard();
    return;
  }
  const std::int64_t last = std::max({journal->last_activity_wall, log->mtime_ns / 1'000'000'000});
  // A clock that is years ahead looks like years without the server: a day of running must pass before that is believed.
  const auto retention = static_cast<std::int64_t>(options_.partial_retention_seconds);
  const bool says_nothing = now < kPlausibleWall || last < kPlausibleWall;
  std::int64_t idle = says_nothing ? 0 : std::max<std::int64_t>(0, now - last);
  if (idle > retention + kYear) idle = std::max<std::int64_t>(0, retention - kSecondThought);
  if (idle >= retention) {
    discard();
    return;
  }
  UploadFiles files(world_.files, base, paths_.incoming(), journal->header.allocated_size);
  if (const Result<void> adopted = files.adopt_journal(journal->good_bytes); !adopted) {
    world_.log.error("a partial share cannot be taken over: " + adopted.error().what);
    return;
  }
  const auto upload =
      create(UploadKey{si, share, journal->header.at_rest_id}, journal->header.allocated_size, std::move(files));
  upload->resumable = true;
  upload->journalled = true;
  upload->held = journal->held;
  upload->lease = journal->header.lease;
  upload->more_leases = journal->more_leases;
  upload->created_wall = journal->header.created_wall;
  upload->last_activity_wall = last;
  upload->last_activity = world_.loop.now() - std::chrono::seconds(idle);
}

}  // namespace holdfast::storage
