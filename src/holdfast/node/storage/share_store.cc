#include "holdfast/node/storage/share_store.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/secrets.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kAdvisoryFilesMax = 10'000;
constexpr std::uint64_t kAdvisoryBytesMax = 16 * 1'048'576;

UploadKey first_key(const StorageIndex& si, ShareNumber share) {
  return {si, share, Hash{}};
}

/// "2026-01-31T235959.000007": UTC; the serial number stands for microseconds and keeps reports of one second apart.
std::string advisory_time(std::int64_t wall_seconds, std::uint64_t serial) {
  const std::time_t seconds = wall_seconds;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H%M%S", &utc);
  const std::string fraction = std::to_string(1'000'000 + serial % 1'000'000).substr(1);
  return std::string(text.data(), length) + "." + fraction;
}

}  // namespace

ShareStore::ShareStore(World world, StoreOptions options)
    : world_(world),
      options_(std::move(options)),
      paths_(options_.directory),
      background_(world.loop),
      leases_(world.loop, 1),
      clock_(world.loop.now(), world.loop.wall_seconds()),
      collected_(world.loop),
      evicted_(world.loop) {}

ShareStore::~ShareStore() = default;

Result<ShareStore::Listing> ShareStore::list_now(const StorageIndex& si) {
  Listing out;
  const auto entries = world_.files.list(paths_.bucket(si));
  if (!entries && entries.error().code == Errc::not_found) return out;
  if (!entries) return tl::make_unexpected(entries.error());
  for (const auto& entry : *entries) {
    const auto number = share_number_of(entry.name);
    if (!number) continue;
    if (entry.is_directory) {
      out.taken.insert(*number);
      continue;
    }
    const auto file = world_.files.open(paths_.share(si, *number), io::Open::read);
    if (!file && file.error().code == Errc::not_found) continue;  // the collector has just dropped it
    if (!file) return tl::make_unexpected(file.error());
    const Result<ContainerInfo> info = inspect_container(**file, false);
    // What is no container is mostly a share of which a power failure left the name.
    const bool is_share = info && info->kind == ContainerKind::immutable;
    (is_share ? out.immutable : out.taken).insert(*number);
  }
  return out;
}

/// Without what has its final name but may lose it again.
io::Task<Result<ShareStore::Listing>> ShareStore::durable_listing(StorageIndex si) {
  auto job = [this, si] { return list_now(si); };
  Result<Listing> listing = co_await world_.disk.run(job);
  if (!listing) co_return tl::make_unexpected(disk_failed(listing.error()));
  for (const auto& upload : uploads_of(si)) {
    if (upload->placing) listing->immutable.erase(upload->key.share);
  }
  co_return listing;
}

io::Task<Result<protocol::ShareSet>> ShareStore::list(StorageIndex si) {
  HF_CO_TRY(Listing listing, co_await durable_listing(si));
  co_return std::move(listing.immutable);
}

std::vector<std::shared_ptr<IncomingUpload>> ShareStore::uploads_of(const StorageIndex& si) const {
  std::vector<std::shared_ptr<IncomingUpload>> out;
  for (auto it = uploads_.lower_bound(first_key(si, 0)); it != uploads_.end() && it->first.si == si; ++it) {
    if (!it->second->gone) out.push_back(it->second);
  }
  return out;
}

std::vector<std::shared_ptr<IncomingUpload>> ShareStore::uploads_of(const StorageIndex& si, ShareNumber share) const {
  std::vector<std::shared_ptr<IncomingUpload>> out;
  for (auto it = uploads_.lower_bound(first_key(si, share));
       it != uploads_.end() && it->first.si == si && it->first.share == share; ++it) {
    if (!it->second->gone) out.push_back(it->second);
  }
  return out;
}

std::shared_ptr<IncomingUpload> ShareStore::find(const StorageIndex& si, ShareNumber share,
                                                 const Secret& upload_secret) const {
  // Ids are one-way, and the map's order leaks nothing that helps to make another secret.
  const auto it = uploads_.find(UploadKey{si, share, crypto::upload_secret_at_rest_id(upload_secret.reveal())});
  return it == uploads_.end() || it->second->gone ? nullptr : it->second;
}

bool ShareStore::active(const IncomingUpload& upload) const {
  return upload.users > 0 || (upload.woken && world_.loop.now() - upload.last_activity <
                                                  std::chrono::seconds(options_.partial_idle_seconds));
}

void ShareStore::touch(IncomingUpload& upload) {
  if (!active(upload)) sums_.reset();
  upload.woken = true;
  upload.last_activity = world_.loop.now();
  upload.last_activity_wall = world_.loop.wall_seconds();
}

std::shared_ptr<IncomingUpload> ShareStore::create(const UploadKey& key, std::uint64_t allocated_size,
                                                   UploadFiles files) {
  auto upload = std::make_shared<IncomingUpload>(world_.loop, key, allocated_size, std::move(files));
  upload->created_wall = world_.loop.wall_seconds();
  upload->last_activity_wall = upload->created_wall;
  upload->last_sync = upload->last_activity = world_.loop.now();
  if (sums_) {
    sums_->reserved += allocated_size;
    sums_->promised += allocated_size;
    ++sums_->empty;
  }
  uploads_.emplace(key, upload);
  return upload;
}

io::Task<Result<std::size_t>> ShareStore::add_lease(StorageIndex si, LeaseRequest lease) {
  const std::int64_t now = lease_time();
  const bool may_add = available() >= kLeaseBytes;
  bool no_room = false;
  HF_CO_TRY(const Listing listing, co_await durable_listing(si));
  auto job = [&]() -> Result<std::size_t> {
    std::size_t renewed = 0;
    for (ShareNumber share : listing.immutable) {
      const auto file = world_.files.open(paths_.share(si, share), io::Open::write);
      if (!file && file.error().code == Errc::not_found) continue;  // the collector has just dropped it
      if (!file) return tl::make_unexpected(file.error());
      HF_TRY(const LeaseOutcome outcome, add_or_renew_lease(**file, lease, now, may_add));
      no_room = no_room || outcome == LeaseOutcome::no_room;
      ++renewed;
    }
    return renewed;
  };
  const bool acquired = co_await leases_.acquire();
  if (!acquired) co_return fail(Errc::cancelled, "the server is stopping");
  const Result<std::size_t> renewed = co_await world_.disk.run(job);
  leases_.release();
  if (!renewed) co_return tl::make_unexpected(disk_failed(renewed.error()));
  if (*renewed == 0) co_return fail(Errc::not_found, "no share of this storage index");
  if (no_room) co_return fail(Errc::no_space, "no room for a new lease");
  co_return renewed;
}

Result<std::unique_ptr<ShareStore::Writer>> ShareStore::begin_write(const StorageIndex& si, ShareNumber share,
                                                                    const Secret& upload_secret, Range range,
                                                                    std::optional<std::uint64_t> total) {
  const auto upload = find(si, share, upload_secret);
  if (upload == nullptr) {
    if (uploads_of(si, share).empty()) return fail(Errc::not_found, "no such upload");
    return fail(Errc::unauthorized, "that upload belongs to another secret");
  }
  if (range.end > upload->allocated_size || (total && *total != upload->allocated_size)) {
    return fail(Errc::malformed, "the range does not fit the allocated size");
  }
  return std::make_unique<Writer>(*this, upload, range);
}

io::Task<Result<void>> ShareStore::abort(StorageIndex si, ShareNumber share, Secret upload_secret) {
  const auto upload = find(si, share, upload_secret);
  if (upload != nullptr) {
    const bool dropped = co_await drop(upload);
    if (dropped && upload->left_behind)
      co_return fail(Errc::io, "the upload may come back: its files could not be deleted");
    if (dropped) co_return Result<void>{};
  }
  if (!uploads_of(si, share).empty()) co_return fail(Errc::unauthorized, "that upload belongs to another secret");
  HF_CO_TRY(const protocol::ShareSet shares, co_await list(si));
  if (shares.contains(share)) co_return fail(Errc::unsupported, "the share is complete");
  co_return fail(Errc::not_found, "no such upload");
}

io::Task<Result<protocol::UploadStatus>> ShareStore::status(StorageIndex si, Secret upload_secret) {
  const Hash id = crypto::upload_secret_at_rest_id(upload_secret.reveal());
  for (const auto& upload : uploads_of(si)) {
    if (upload->key.at_rest_id == id) co_await commit_quietly(upload);
  }
  HF_CO_TRY(const protocol::ShareSet complete, co_await list(si));
  protocol::UploadStatus out;
  out.complete = complete;
  const auto seconds = [](io::Duration d) {
    return static_cast<std::uint64_t>(std::max<io::Duration::rep>(0, d / std::chrono::seconds(1)));
  };
  for (const auto& upload : uploads_of(si)) {
    const ShareNumber share = upload->key.share;
    if (complete.contains(share)) continue;
    if (upload->key.at_rest_id != id) {
      if (active(*upload)) out.busy.insert(share);
      continue;
    }
    protocol::UploadStatus::Partial partial;
    partial.allocated_size = upload->allocated_size;
    partial.required = upload->required();
    partial.writing = upload->writing(world_.loop.now());
    partial.idle_seconds = seconds(world_.loop.now() - upload->last_activity);
    const std::uint64_t life =
        upload->resumable && !upload->empty() ? options_.partial_retention_seconds : options_.partial_idle_seconds;
    partial.expires_in_seconds = life > partial.idle_seconds ? life - partial.idle_seconds : 0;
    out.incomplete.emplace(share, std::move(partial));
  }
  for (const auto& [share, partial] : out.incomplete) out.busy.erase(share);
  co_return out;
}

io::Task<Result<ShareStore::OpenShare>> ShareStore::open_share(StorageIndex si, ShareNumber share) {
  auto job = [this, si, share]() -> Result<OpenShare> {
    HF_TRY(std::unique_ptr<io::File> file, world_.files.open(paths_.share(si, share), io::Open::read));
    HF_TRY(const ContainerInfo info, inspect_container(*file, false));
    if (info.kind != ContainerKind::immutable) return fail(Errc::not_found, "no such immutable share");
    return OpenShare{std::move(file), info.data_bytes};
  };
  Result<OpenShare> opened = co_await world_.disk.run(job);
  const auto uploads = uploads_of(si, share);
  const bool placing = std::ranges::any_of(uploads, [](const auto& each) { return each->placing; });
  if (opened && placing) co_return fail(Errc::not_found, "no such share yet");
  if (opened || opened.error().code == Errc::corrupt) co_return opened;
  if (opened.error().code == Errc::not_found) co_return fail(Errc::not_found, "no such share");
  co_return tl::make_unexpected(disk_failed(opened.error()));
}

io::Task<Result<Bytes>> ShareStore::read(OpenShare share, Range range) {
  auto job = [&share, range]() -> Result<Bytes> {
    Bytes out(range.size());
    HF_TRY(const std::size_t count, share.file->read(kContainerHeaderBytes + range.begin, out));
    if (count != out.size()) return fail(Errc::io, "a share that is shorter than it was");
    return out;
  };
  Result<Bytes> bytes = co_await world_.disk.run(job);
  if (!bytes) co_return tl::make_unexpected(disk_failed(bytes.error()));
  co_return bytes;
}

io::Task<Result<void>> ShareStore::advise_corrupt(StorageIndex si, ShareNumber share, std::string reason) {
  HF_CO_TRY(const protocol::ShareSet shares, co_await list(si));
  if (!shares.contains(share)) co_return fail(Errc::not_found, "no such share");
  std::erase_if(reason, [](unsigned char c) { return c < 32 && c != '\n'; });
  const std::string text = "report: Share Corruption\ntype: immutable\nstorage_index: " + to_string(si) +
                           "\nshare_number: " + std::to_string(share) + "\n\n" + reason + "\n\n";
  if (available() < text.size() || advisory_files_ >= kAdvisoryFilesMax ||
      advisory_bytes_ + text.size() > kAdvisoryBytesMax) {
    ++counters_.advisories_dropped;
    co_return Result<void>{};
  }
  ++advisory_files_;
  advisory_bytes_ += text.size();
  const std::string name = advisory_time(world_.loop.wall_seconds(), counters_.advisories++) + "--" + to_string(si) +
                           "-" + std::to_string(share);
  auto job = [&]() -> Result<void> {
    HF_TRY_VOID(io::make_lasting_directory(world_.files, paths_.advisories()));
    return io::write_file_atomically(world_.files, paths_.advisories() + "/" + name, view_of(text));
  };
  const Result<void> written = co_await world_.disk.run(job);
  if (!written) world_.log.warning("a corruption report was lost: " + written.error().what);
  co_return Result<void>{};
}

ShareStore::Gauges ShareStore::gauges() const {
  Gauges out;
  for (const auto& [key, upload] : uploads_) {
    const std::uint64_t bytes = upload->held.total() + upload->unsynced.total();
    const bool is_active = active(*upload);
    ++(is_active ? out.active : out.dormant);
    (is_active ? out.active_bytes : out.dormant_bytes) += bytes;
  }
  return out;
}

}  // namespace holdfast::storage
