// Which shares may be sent here, and to whom they belong from then on.
#include <algorithm>

#include "holdfast/core/crypto/secrets.h"
#include "holdfast/node/storage/share_store.h"

namespace holdfast::storage {
namespace {

constexpr std::uint64_t kEmptyUploadsMax = 10'000;  // they cost whoever asks for them nothing
constexpr std::size_t kMoreLeasesMax = 100;         // of an upload, beside its first

}  // namespace

/// Rules 2 to 5 of the storage protocol, 11.6. `completed`: how many shares were complete in all when it was known that this one was
/// not.
io::Task<ShareStore::Admission> ShareStore::admit(const StorageIndex& si, ShareNumber share,
                                                  const Allocation& allocation, const Hash& id,
                                                  std::uint64_t completed) {
  const LeaseRecord lease = allocation.lease.at_rest(0);
  const std::uint64_t size = allocation.request.allocated_size;
  const UploadKey key{si, share, id};
  // One that is just ending has its files under the same names: wait until they are away.
  for (auto it = uploads_.find(key); it != uploads_.end() && it->second->gone; it = uploads_.find(key)) {
    const std::shared_ptr<IncomingUpload> ending = it->second;
    const bool ended = co_await ending->order.acquire();
    if (!ended) co_return Admission::refused;
    ending->order.release();
  }
  if (const auto it = uploads_.find(key); it != uploads_.end()) {
    const std::shared_ptr<IncomingUpload> upload = it->second;
    if (upload->allocated_size != size) co_return Admission::refused;
    bool room = active(*upload);
    if (!room && !may_promise(size, upload.get())) co_return Admission::refused;
    if (!room) room = co_await make_room(upload->missing_bytes(), upload.get());
    if (!room || upload->gone) co_return Admission::refused;
    if (allocation.resumable && !upload->resumable) {
      const bool lasting = co_await make_resumable(upload);
      if (!lasting) co_return Admission::refused;
    }
    if (!upload->empty()) {
      ++counters_.resumed_uploads;
      counters_.bytes_saved += upload->held.total();
    }
    touch(*upload);
    Bytes records = encode_activity(upload->last_activity_wall);
    const auto same = [&](const JournalLease& known) {
      return equal_constant_time(known.renew.view(), lease.renew.view());
    };
    const bool known = same(upload->lease) || std::ranges::any_of(upload->more_leases, same);
    if (!known && upload->more_leases.size() < kMoreLeasesMax) {
      upload->more_leases.push_back({lease.renew, lease.cancel, lease.owner});
      append(records, encode_lease_record(upload->more_leases.back()));
    }
    const bool acquired = co_await upload->syncing.acquire();
    if (!acquired) co_return Admission::refused;
    auto job = [upload, &records] { return upload->files.note(records); };
    const Result<void> noted = co_await world_.disk.run(job);
    upload->syncing.release();
    if (!noted) world_.log.warning("a partial share's journal cannot be written: " + noted.error().what);
    co_return upload->gone ? Admission::refused : Admission::matched;
  }
  const auto sent_by_another = [&] {
    return std::ranges::any_of(uploads_of(si, share), [&](const auto& other) { return active(*other); });
  };
  if (size == 0 || sent_by_another()) co_return Admission::refused;
  if (!may_promise(size, nullptr) || sums().empty >= kEmptyUploadsMax) co_return Admission::full;
  const bool room = co_await make_room(size, nullptr);
  if (!room) co_return Admission::full;
  // Much may have come in beside, while there was waiting.
  while (completed != counters_.shares_completed) {
    completed = counters_.shares_completed;
    const Result<Listing> now = co_await durable_listing(si);
    if (!now || now->taken.contains(share)) co_return Admission::refused;
    if (now->immutable.contains(share)) co_return Admission::there;
  }
  if (uploads_.contains(key)) co_return co_await admit(si, share, allocation, id, completed);
  if (sent_by_another()) co_return Admission::refused;
  UploadFiles files(world_.files, paths_.upload(si, share, id), paths_.incoming(), size);
  const auto upload = create(key, size, std::move(files));
  upload->resumable = allocation.resumable;
  upload->lease = {lease.renew, lease.cancel, lease.owner};
  // At most so many dormant ones of other secrets stay beside it.
  std::vector<std::shared_ptr<IncomingUpload>> rivals = uploads_of(si, share);
  std::erase(rivals, upload);
  std::ranges::sort(rivals, {}, [](const auto& rival) { return rival->last_activity; });
  for (std::size_t i = 0; i + options_.dormant_per_share_max < rivals.size(); ++i) co_await drop(rivals[i]);
  co_return Admission::made;
}

/// What a legacy upload wrote becomes durable with the next sync. Its file is opened before anybody may begin that: where bytes are
/// not synced the file is open, since writing and syncing, which may overlap, would both open it.
io::Task<bool> ShareStore::make_resumable(std::shared_ptr<IncomingUpload> upload) {
  const bool first = co_await upload->order.acquire();
  if (!first) co_return false;
  const bool idle = co_await upload->syncing.acquire();
  Result<void> opened;
  if (idle && !upload->gone && !upload->held.empty()) {
    auto job = [&upload] { return upload->files.open(); };
    opened = co_await world_.disk.run(job);
    if (!opened) world_.log.error("the disk failed: " + opened.error().what);
  }
  const bool done = idle && opened && !upload->gone;
  if (done && !upload->resumable) {
    upload->resumable = true;
    upload->unsynced.add(upload->held);
    upload->held.clear();
    dirty_.insert(upload);
  }
  if (idle) upload->syncing.release();
  upload->order.release();
  co_return done;
}

/// Answers those that are still there: the collector may have been faster.
io::Task<std::set<ShareNumber>> ShareStore::renew_all(StorageIndex si, std::set<ShareNumber> shares,
                                                      LeaseRequest lease) {
  const bool may_add = available() >= kLeaseBytes;
  std::set<ShareNumber> gone;
  const bool acquired = co_await leases_.acquire();
  if (!acquired) co_return std::set<ShareNumber>();
  const std::int64_t now = lease_time();
  auto job = [&]() -> Result<void> {
    Result<void> worst;
    for (ShareNumber share : shares) {
      const auto file = world_.files.open(paths_.share(si, share), io::Open::write);
      if (!file && file.error().code == Errc::not_found) gone.insert(share);
      const auto renewed = file ? add_or_renew_lease(**file, lease, now, may_add) : tl::make_unexpected(file.error());
      if (!renewed && !gone.contains(share)) worst = tl::make_unexpected(renewed.error());
    }
    return worst;
  };
  const Result<void> renewed = co_await world_.disk.run(job);
  leases_.release();
  if (!renewed) world_.log.warning("a lease could not be renewed: " + renewed.error().what);
  for (ShareNumber share : gone) shares.erase(share);
  co_return shares;
}

io::Task<Result<protocol::AllocateReply>> ShareStore::allocate(StorageIndex si, Allocation allocation) {
  const std::uint64_t completed = counters_.shares_completed;
  HF_CO_TRY(Listing listing, co_await durable_listing(si));
  if (!listing.immutable.empty()) listing.immutable = co_await renew_all(si, listing.immutable, allocation.lease);
  protocol::AllocateReply reply;
  reply.already_have = listing.immutable;
  if (!resumes()) allocation.resumable = false;
  const Hash id = crypto::upload_secret_at_rest_id(allocation.upload_secret.reveal());
  bool full = false;
  std::set<ShareNumber> completed_beside;
  for (ShareNumber share : allocation.request.share_numbers) {
    if (listing.immutable.contains(share) || listing.taken.contains(share)) continue;
    // All are of one size: where there was no room for one of them there is none for the next.
    if (full && !uploads_.contains(UploadKey{si, share, id})) continue;
    const Admission admission = co_await admit(si, share, allocation, id, completed);
    full = full || admission == Admission::full;
    if (admission == Admission::there) completed_beside.insert(share);
    if (admission == Admission::matched) reply.matched.insert(share);
    if (admission == Admission::matched || admission == Admission::made) reply.allocated.insert(share);
  }
  if (!completed_beside.empty()) completed_beside = co_await renew_all(si, completed_beside, allocation.lease);
  reply.already_have.merge(completed_beside);
  co_return reply;
}

}  // namespace holdfast::storage
