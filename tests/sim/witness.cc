#include "sim/witness.h"

#include <algorithm>

#include "holdfast/node/storage/share_container.h"

namespace holdfast::sim {
namespace {

std::pair<ShareNumber, Bytes> key_of(ShareNumber share, const Secret& secret) {
  return {share, to_bytes(secret.reveal())};
}

std::string text(const RangeSet& set) {
  std::string out;
  for (const Range& range : set.ranges())
    out += "[" + std::to_string(range.begin) + "," + std::to_string(range.end) + ")";
  return out.empty() ? "nothing" : out;
}

}  // namespace

void Witness::set_file(const ExpectedFile* file) {
  file_ = file;
  now_ = Before{false, now_.forgotten + 1, {}, {}};
}

std::set<ShareNumber> Witness::begun() const {
  std::set<ShareNumber> out = now_.complete;
  for (const auto& [key, held] : now_.held) {
    if (!held.empty()) out.insert(key.first);
  }
  return out;
}

Witness::Before Witness::before(const StorageIndex& asked) const {
  Before out = now_;
  out.concerns_us = file_ != nullptr && file_->si == asked;
  return out;
}

/// True when the answer cannot be held against what was before.
bool Witness::may_forget(const Before& before) {
  const std::uint64_t by_right =
      machine_.up() ? machine_.store().counters().evictions + machine_.store().counters().expired : 0;
  if (by_right != std::exchange(dropped_by_right_, by_right) && by_right > 0) now_.held.clear(), ++now_.forgotten;
  return before.forgotten != now_.forgotten;
}

void Witness::listed(const Before& before, const std::set<ShareNumber>& shares) {
  if (file_ == nullptr || !before.concerns_us) return;
  // A share whose head cannot be read at the moment is left out of a list; it must be there later.
  if (before.forgotten == now_.forgotten && !disk_fails) {
    for (ShareNumber share : before.complete) {
      if (!shares.contains(share))
        trial_.violation(name_ + " has lost share " + std::to_string(share) + ", which was complete");
    }
  }
  for (ShareNumber share : shares) complete(share);
}

void Witness::complete(ShareNumber share) {
  if (!now_.complete.insert(share).second) return;
  std::erase_if(now_.held, [&](const auto& each) { return each.first.first == share; });
  if (machine_.up() && !rotten_.contains(share) && !is_right(share)) {
    trial_.violation(name_ + " shows share " + std::to_string(share) + ", which is not what it should be");
  }
}

bool Witness::is_right(ShareNumber share) {
  for (int attempt = 0; attempt < 3; ++attempt) {
    const auto bytes = io::read_file(machine_.disk(), machine_.paths().share(file_->si, share), 1U << 30);
    if (!bytes) continue;
    const Bytes& right = file_->shares.at(share);
    if (bytes->size() < storage::kContainerHeaderBytes + right.size()) return false;
    return equal(ByteView(*bytes).subspan(storage::kContainerHeaderBytes, right.size()), right);
  }
  return !machine_.up();
}

void Witness::allocated(const Before& before, const Secret& secret, const protocol::AllocateReply& reply) {
  if (file_ == nullptr || !before.concerns_us) return;
  if (!may_forget(before)) {
    for (ShareNumber share : reply.allocated) {
      const auto it = before.held.find(key_of(share, secret));
      if (it == before.held.end() || it->second.empty() || now_.complete.contains(share)) continue;
      if (!reply.matched.contains(share))
        trial_.violation(name_ + " begins share " + std::to_string(share) + " anew, although it held " +
                         text(it->second));
    }
  }
  for (ShareNumber share : reply.already_have) complete(share);
}

void Witness::written(const Before& before, ShareNumber share, const Secret& secret, const grid::WriteAnswer& answer) {
  if (file_ == nullptr || !before.concerns_us) return;
  if (answer.complete) return complete(share);
  const RangeSet held = answer.required.gaps({0, file_->share_bytes()});
  const auto it = before.held.find(key_of(share, secret));
  if (!may_forget(before) && it != before.held.end()) {
    for (const Range& range : it->second.ranges()) {
      if (!held.contains(range))
        trial_.violation(name_ + " has lost " + text(it->second) + " of share " + std::to_string(share) +
                         ": now holds " + text(held));
    }
  }
  if (machine_.resumes() && !now_.complete.contains(share)) now_.held[key_of(share, secret)].add(held);
}

void Witness::told_status(const Before& before, const Secret& secret, const protocol::UploadStatus& status) {
  if (file_ == nullptr || !before.concerns_us) return;
  const bool forgotten = may_forget(before);
  for (const auto& [key, held] : before.held) {
    if (forgotten || key.second != to_bytes(secret.reveal()) || held.empty()) continue;
    if (status.complete.contains(key.first) || now_.complete.contains(key.first)) continue;
    const auto it = status.incomplete.find(key.first);
    const RangeSet now =
        it == status.incomplete.end() ? RangeSet{} : it->second.required.gaps({0, it->second.allocated_size});
    for (const Range& range : held.ranges()) {
      if (!now.contains(range))
        trial_.violation(name_ + " has lost " + text(held) + " of share " + std::to_string(key.first) +
                         ": its status says " + text(now));
    }
  }
  for (const auto& [share, partial] : status.incomplete) {
    if (!now_.complete.contains(share))
      now_.held[key_of(share, secret)].add(partial.required.gaps({0, partial.allocated_size}));
  }
  for (ShareNumber share : status.complete) complete(share);
}

void Witness::forget_upload(ShareNumber share) {
  ++now_.forgotten;
  std::erase_if(now_.held, [&](const auto& each) { return each.first.first == share; });
}

void Witness::spoil(ShareNumber share, bool rot, Random& random) {
  ++now_.forgotten;
  const std::string path = machine_.paths().share(file_->si, share);
  if (!rot) {
    now_.complete.erase(share);
    static_cast<void>(machine_.disk().unlink(path));
    static_cast<void>(machine_.disk().sync_directory(io::parent_path(path)));
    return;
  }
  may_be_corrupt = true;
  rotten_.insert(share);
  const auto file = machine_.disk().open(path, io::Open::write);
  if (!file) return;
  // Nobody believes the sizes in the header, nor reads the plaintext hashes: they may rot unnoticed.
  const Range unread = file_->plaintext_hashes;
  std::uint64_t offset = 0;
  do offset = random.below(file_->share_bytes());
  while (offset < file_->data.begin || (offset >= unread.begin && offset < unread.end));
  trial_.note("a byte of it changes, at offset " + std::to_string(offset));
  const std::uint64_t at = storage::kContainerHeaderBytes + offset;
  std::uint8_t byte = 0;
  static_cast<void>((*file)->read(at, {&byte, 1}));
  byte ^= static_cast<std::uint8_t>(1 + random.below(255));
  static_cast<void>((*file)->write(at, {&byte, 1}));
  static_cast<void>((*file)->sync());
}

RangeSet Witness::held_in(const Before& before, ShareNumber share, const Secret& secret) {
  const auto it = before.held.find(key_of(share, secret));
  return it == before.held.end() ? RangeSet{} : it->second;
}

std::set<ShareNumber> Witness::look() {
  std::set<ShareNumber> right;
  if (file_ == nullptr) return right;
  for (ShareNumber share = 0; share < file_->shares.size(); ++share) {
    const std::string path = machine_.paths().share(file_->si, share);
    Result<io::FileInfo> info = machine_.disk().info(path);
    if (!info && info.error().code != Errc::not_found) info = machine_.disk().info(path);  // a failure that was planned
    if (!info && info.error().code == Errc::not_found) {
      if (now_.complete.contains(share))
        trial_.violation(name_ + " has lost share " + std::to_string(share) + " from its disk");
      continue;
    }
    if (!info || is_right(share))
      right.insert(share);
    else if (!rotten_.contains(share))
      trial_.violation("share " + std::to_string(share) + " on the disk of " + name_ + " is not what it should be");
  }
  return right;
}

}  // namespace holdfast::sim
