// What an earlier process left: every journal is read, and the files are put where it says.
#include <algorithm>

#include "holdfast/core/base/allocator.h"
#include "holdfast/edge/io/locked_file.h"
#include "holdfast/node/uploads/holding.h"
#include "holdfast/node/uploads/upload_store.h"

namespace holdfast::uploads {
namespace {

constexpr std::uint64_t kJournalBytesMax = 64 * 1'048'576;
constexpr std::size_t kTokenKeyBytes = 32;
constexpr std::int64_t kYearSeconds = 31'557'600;
constexpr std::int64_t kDaySeconds = 86'400;

/// How long nothing had come when this process began. A clock that stood still or jumped by years ends nothing at once: then it is
/// a day short of the end.
io::Duration idle_before(std::int64_t active_wall, std::int64_t wall, std::uint64_t retention_seconds) {
  const auto retention = static_cast<std::int64_t>(retention_seconds);
  const std::int64_t idle = std::max<std::int64_t>(0, wall - active_wall);
  const bool plausible = idle <= retention + kYearSeconds;
  return std::chrono::seconds(plausible ? idle : std::max<std::int64_t>(0, retention - kDaySeconds));
}

/// Made where it is missing, and which one it is.
Result<void> find_directory(io::FileSystem& files, SpoolDirectory& directory) {
  HF_TRY_VOID(io::make_lasting_directory(files, directory.path));
  HF_TRY(const io::FileInfo info, files.info(directory.path));
  directory.device = info.device;
  directory.inode = info.inode;
  return {};
}

}  // namespace

Result<UploadPtr> UploadStore::adopt(const SpoolDirectory& directory, const std::string& name) {
  auto upload = std::make_shared<Upload>(world_.loop, SpoolFiles(world_.files, directory, name));
  SpoolFiles& files = upload->files;
  const Result<Bytes> bytes = io::read_file(world_.files, files.journal_path(), kJournalBytesMax);
  if (!bytes) return tl::make_unexpected(bytes.error());
  Result<resume::ReplayedUpload> replayed = resume::replay_upload(*bytes);
  const bool ended = replayed && replayed->log.phase == resume::UploadPhase::ended;
  if (!replayed || (ended && options_.tombstone_seconds == 0)) {
    HF_TRY_VOID(files.remove());
    return UploadPtr();
  }
  files.adopt_journal(replayed->good_bytes, bytes->size());
  upload->log = std::move(replayed->log);
  const std::uint64_t durable = upload->log.durable;
  upload->active = world_.loop.now();
  upload->idle_before = idle_before(upload->log.active_wall, world_.loop.wall_seconds(), options_.retention_seconds);
  if (upload->log.phase == resume::UploadPhase::committed || ended) {
    HF_TRY_VOID(files.remove_data());
    return upload;
  }
  if (upload->log.joined) return upload;
  if (upload->is_sealed()) HF_TRY_VOID(files.move_to(sealed_));
  HF_TRY(const std::uint64_t size, files.data_bytes());
  if (size < durable) {
    const std::string loss = what_is_lost(durable, size);
    world_.log.error("the upload " + name.substr(0, 8) + " is ended: " + loss);
    if (options_.tombstone_seconds == 0) {
      HF_TRY_VOID(files.remove());
      return UploadPtr();
    }
    upload->log.end = resume::UploadEnd::failed;
    upload->log.reason = loss;
    make_tombstone(*upload);
    ++counters_.failed;
    HF_TRY_VOID(files.write_journal(resume::compact_upload(upload->log)));
    HF_TRY_VOID(files.remove_data());
    return upload;
  }
  if (size > durable) HF_TRY_VOID(files.cut(durable));
  files.close();
  upload->written = durable;
  forget_digests(*upload);
  return upload;
}

/// One upload is no reason to serve none: whatever is the matter with it, its files stay for the next start.
Result<void> UploadStore::scan(std::vector<UploadPtr>& found) {
  // In this order: what was being moved to the other directory is moved now, from where its journal is.
  std::vector<std::pair<const SpoolDirectory*, std::string>> journals;
  std::set<std::string> names, others;
  for (const SpoolDirectory* directory : {&receiving_, &sealed_}) {
    HF_TRY(const std::vector<io::FileSystem::Entry> entries, world_.files.list(directory->path));
    for (const auto& entry : entries) {
      const std::string name = entry.name.substr(0, entry.name.rfind('.'));
      const bool is_journal = entry.name.ends_with(kJournalSuffix);
      if (!is_journal) others.insert(io::join_path(directory->path, entry.name));
      if (is_journal && names.insert(name).second) journals.emplace_back(directory, name);
    }
  }
  for (const std::string& path : others) {
    const std::string file = io::file_name(path);
    const bool orphan = file.ends_with(kDataSuffix) && !names.contains(file.substr(0, file.rfind('.')));
    if (!orphan && !file.ends_with(".tmp")) continue;
    const Result<void> removed = world_.files.unlink(path);
    if (!removed) world_.log.warning("what belongs to no upload stays: " + removed.error().what);
  }
  // What was needed until here is given back before there is something above it in memory.
  names = others = {};
  for (const auto& [directory, name] : journals) {
    Result<UploadPtr> upload = adopt(*directory, name);
    if (!upload) world_.log.error("the upload " + name.substr(0, 8) + " is left alone: " + upload.error().what);
    if (upload && *upload != nullptr) found.push_back(std::move(*upload));
  }
  return {};
}

/// Beside the directory, which holds nothing but uploads.
Result<void> UploadStore::lock_spool() {
  const std::string path = receiving_.path + ".lock";
  HF_TRY(lock_, world_.files.open(path, io::Open::create_private));
  const Result<void> locked = io::lock_named(world_.files, path, *lock_);
  if (locked) return {};
  if (locked.error().code == Errc::conflict)
    return fail(Errc::conflict, receiving_.path + " is served by another process already");
  world_.log.warning("nothing keeps another process from the same uploads: " + locked.error().what);
  return {};
}

io::Task<Result<void>> UploadStore::open() {
  std::vector<UploadPtr> found;
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(find_directory(world_.files, receiving_));
    HF_TRY_VOID(find_directory(world_.files, sealed_));
    HF_TRY_VOID(lock_spool());
    // What a killed process wrote is read from memory: it counts when it is on the disk.
    HF_TRY_VOID(world_.files.sync_all(receiving_.path));
    if (sealed_.device != receiving_.device) HF_TRY_VOID(world_.files.sync_all(sealed_.path));
    HF_TRY_VOID(scan(found));
    Result<Bytes> key = io::read_file(world_.files, options_.token_key_path, kTokenKeyBytes);
    const bool missing = !key && key.error().code == Errc::not_found;
    if (missing) {
      key = world_.random.bytes(kTokenKeyBytes);
      HF_TRY_VOID(io::write_file_atomically(world_.files, options_.token_key_path, *key, io::Open::create_private));
    }
    if (!key || key->size() != kTokenKeyBytes)
      return fail(Errc::io, options_.token_key_path + " cannot be read, or is not a key");
    token_key_ = Secret(std::move(*key));
    return {};
  };
  HF_CO_TRY_VOID(co_await world_.disk.run(job));
  for (UploadPtr& upload : found) add(std::move(upload));
  found = {};
  give_back_freed_memory();  // of directories and journals: more than what is kept of them
  co_await measure();
  co_return Result<void>{};
}

}  // namespace holdfast::uploads
