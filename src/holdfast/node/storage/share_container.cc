#include "holdfast/node/storage/share_container.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/blake2b.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kMutableMagicV1 = "Tahoe mutable container v1\n\x75\x09\x44\x03\x8e";
constexpr std::string_view kMutableMagicV2 = "Tahoe mutable container v2\n\xc3\x55\x21\x99\x25";
constexpr std::uint64_t kSaturated = 0xffffffff;

LeaseRecord decode_lease(ByteView bytes) {
  return {static_cast<std::uint32_t>(load_be(bytes, 0, 4)), Hash::from(bytes.subspan(4, 32)),
          Hash::from(bytes.subspan(36, 32)), static_cast<std::uint32_t>(load_be(bytes, 68, 4))};
}

/// Where a new lease may go when there are as many as are taken: in the place of one that has ended.
std::optional<std::uint32_t> ended_lease(const std::vector<LeaseRecord>& leases, std::int64_t now_wall) {
  const auto earliest = std::ranges::min_element(leases, {}, &LeaseRecord::expires);
  if (earliest == leases.end() || earliest->expires >= now_wall) return std::nullopt;
  return static_cast<std::uint32_t>(earliest - leases.begin());
}

std::uint64_t lease_offset(const ContainerInfo& info, std::uint32_t i) {
  return kContainerHeaderBytes + info.data_bytes + i * kLeaseBytes;
}

Result<void> write_count(io::File& file, std::uint32_t leases) {
  Bytes count;
  append_be(count, 4, leases);
  return file.write(8, count);
}

}  // namespace

std::uint32_t lease_expiry(std::int64_t now_wall) {
  const std::int64_t latest = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(now_wall + kLeaseSeconds, 0, latest));
}

Bytes container_header(std::uint64_t data_bytes, std::uint32_t leases) {
  Bytes out;
  append_be(out, 4, 2);
  append_be(out, 4, std::min(data_bytes, kSaturated));
  append_be(out, 4, leases);
  return out;
}

Bytes encode_lease(const LeaseRecord& lease) {
  Bytes out;
  append_be(out, 4, lease.owner);
  append(out, lease.renew.view());
  append(out, lease.cancel.view());
  append_be(out, 4, lease.expires);
  return out;
}

LeaseRecord LeaseRequest::at_rest(std::uint32_t expires) const {
  return {owner, crypto::blake2b_256(renew.reveal()), crypto::blake2b_256(cancel.reveal()), expires};
}

Result<ContainerInfo> inspect_container(io::File& file, bool repair) {
  Bytes head(32);
  HF_TRY(const std::size_t count, file.read(0, head));
  // In this order: a lease that comes between the two makes the file longer, which shows, and not the share shorter.
  HF_TRY(const io::FileInfo on_disk, file.info());
  ContainerInfo info;
  if (count >= kMutableMagicV1.size() && (text_of(head) == kMutableMagicV1 || text_of(head) == kMutableMagicV2)) {
    info.kind = ContainerKind::mutable_slot;
    return info;
  }
  if (count < kContainerHeaderBytes) return info;
  info.version = static_cast<unsigned>(load_be(head, 0, 4));
  if (info.version != 1 && info.version != 2) return info;
  info.kind = ContainerKind::immutable;
  info.leases = static_cast<std::uint32_t>(load_be(head, 8, 4));
  const std::uint64_t field = load_be(head, 4, 4);
  const std::uint64_t around = kContainerHeaderBytes + kLeaseBytes * info.leases;
  if (on_disk.size < around) return fail(Errc::corrupt, "a share container shorter than its leases");
  info.data_bytes = on_disk.size - around;
  if (field < kSaturated && info.data_bytes > field && info.data_bytes - field <= kLeaseBytes) {
    // A crash between a new record and the count, or while the record was written: it reads as share data.
    info.data_bytes = field;
    if (repair) HF_TRY_VOID(file.truncate(around + field));
  }
  return info;
}

Result<std::vector<LeaseRecord>> read_leases(io::File& file, const ContainerInfo& info) {
  constexpr std::uint32_t kReadableLeasesMax = 100'000;
  if (info.leases > kReadableLeasesMax) return fail(Errc::corrupt, "a share with impossibly many leases");
  Bytes bytes(info.leases * kLeaseBytes);
  HF_TRY(const std::size_t count, file.read(lease_offset(info, 0), bytes));
  if (count != bytes.size()) return fail(Errc::corrupt, "a share container that ends inside its leases");
  std::vector<LeaseRecord> out;
  for (std::uint32_t i = 0; i < info.leases; ++i)
    out.push_back(decode_lease(ByteView(bytes).subspan(i * kLeaseBytes, kLeaseBytes)));
  return out;
}

Result<LeaseOutcome> add_or_renew_lease(io::File& file, const LeaseRequest& request, std::int64_t now_wall,
                                        bool may_add) {
  HF_TRY(const ContainerInfo info, inspect_container(file, true));
  if (info.kind != ContainerKind::immutable) return fail(Errc::corrupt, "not an immutable share");
  HF_TRY(const std::vector<LeaseRecord> leases, read_leases(file, info));
  LeaseRecord fresh = request.at_rest(lease_expiry(now_wall));
  if (info.version == 1) {  // old containers keep the secrets in clear
    fresh.renew = Hash::from(request.renew.reveal());
    fresh.cancel = Hash::from(request.cancel.reveal());
  }
  for (std::uint32_t i = 0; i < leases.size(); ++i) {
    if (!equal_constant_time(leases[i].renew.view(), fresh.renew.view())) continue;
    // All of it, and its being counted: what is read here may be what an earlier sync failed to bring to the disk.
    LeaseRecord renewed = leases[i];
    renewed.expires = std::max(renewed.expires, fresh.expires);
    HF_TRY_VOID(file.write(lease_offset(info, i), encode_lease(renewed)));
    HF_TRY_VOID(write_count(file, info.leases));
    HF_TRY_VOID(file.sync());
    return LeaseOutcome::renewed;
  }
  if (leases.size() >= kLeasesMax) {  // each operation reads all of them
    const std::optional<std::uint32_t> place = ended_lease(leases, now_wall);
    if (!place) return LeaseOutcome::no_room;
    HF_TRY_VOID(file.write(lease_offset(info, *place), encode_lease(fresh)));
    HF_TRY_VOID(file.sync());
    return LeaseOutcome::added;
  }
  if (!may_add) return LeaseOutcome::no_room;
  HF_TRY_VOID(file.write(lease_offset(info, info.leases), encode_lease(fresh)));
  HF_TRY_VOID(file.sync());
  HF_TRY_VOID(write_count(file, info.leases + 1));
  HF_TRY_VOID(file.sync());
  return LeaseOutcome::added;
}

}  // namespace holdfast::storage
