#include "holdfast/core/immutable/arriving_blocks.h"

#include <algorithm>

#include "holdfast/core/crypto/sha256_many.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::immutable {
namespace {

constexpr std::size_t kAtOnce = 16;

}  // namespace

std::optional<ArrivingBlocks> ArrivingBlocks::create(std::uint64_t share_size, ByteView header,
                                                     std::uint64_t bytes_max) {
  const Result<ShareOffsets> offsets = parse_header(header);
  if (!offsets || offsets->uri_extension > share_size) return std::nullopt;
  const std::uint64_t block_size = offsets->claimed_block_size, bytes = offsets->claimed_share_data;
  if (block_size == 0 || bytes == 0 || offsets->data > offsets->crypttext_hashes) return std::nullopt;
  if (bytes > offsets->crypttext_hashes - offsets->data) return std::nullopt;
  const std::uint64_t count = (bytes - 1) / block_size + 1;
  // The tree over them must fit, so that a crafted header takes no more memory than the share takes on disk.
  if (count > share_size / Hash::kSize) return std::nullopt;
  if (offsets->share_hashes - offsets->block_hashes < hashtree::node_count(count) * Hash::kSize) return std::nullopt;
  if (memory_needed(count) > bytes_max) return std::nullopt;
  return ArrivingBlocks(Range{offsets->data, offsets->data + bytes}, block_size, count);
}

Range ArrivingBlocks::range_of(SegmentNumber block) const {
  const std::uint64_t begin = data_.begin + block * block_size_;
  return {begin, begin + std::min(block_size_, data_.end - begin)};
}

std::optional<SegmentNumber> ArrivingBlocks::number_of(Range block) const {
  if (block.empty() || block.begin < data_.begin || block.end > data_.end) return std::nullopt;
  const SegmentNumber number = block_at(block.begin);
  if (range_of(number) != block) return std::nullopt;
  return number;
}

void ArrivingBlocks::on_bytes(std::uint64_t offset, ByteView data) {
  const std::uint64_t begin = std::max(offset, data_.begin);
  const std::uint64_t end = std::min(offset + data.size(), data_.end);
  for (std::uint64_t at = begin; at < end;) {
    // Several blocks at once, as they are hashed side by side; not more than a few, for blocks may be small.
    std::vector<Running> blocks;
    std::vector<ByteView> pieces;
    while (at < end && blocks.size() < kAtOnce) {
      const SegmentNumber block = block_at(at);
      const std::uint64_t piece_end = std::min(end, range_of(block).end);
      if (auto running = take_running(block, at); running && running->next < piece_end) {
        pieces.push_back(data.subspan(running->next - offset, piece_end - running->next));
        running->next = piece_end;
        blocks.push_back(*running);
      } else if (running) {
        keep(*running);
      }
      at = piece_end;
    }
    std::vector<crypto::Feed> feeds;
    for (std::size_t i = 0; i < blocks.size(); ++i) feeds.push_back({&blocks[i].hasher, pieces[i]});
    crypto::update_each(feeds);
    for (const Running& block : blocks) keep(block);
  }
}

/// Nothing when the bytes from `offset` on do not help: the block is known, or what lies before them in it has not come.
std::optional<ArrivingBlocks::Running> ArrivingBlocks::take_running(SegmentNumber block, std::uint64_t offset) {
  if (known_[block]) return std::nullopt;
  const auto it = std::ranges::find(running_, block, &Running::block);
  const bool begins = offset == range_of(block).begin;
  if (!begins && (it == running_.end() || offset > it->next)) return std::nullopt;
  Running out = begins ? Running{offset, block, crypto::TaggedHasher(crypto::kTagBlock)} : *it;
  if (it != running_.end()) running_.erase(it);
  return out;
}

void ArrivingBlocks::keep(Running running) {
  if (running.next == range_of(running.block).end) {
    hashes_[running.block] = running.hasher.finish();
    known_[running.block] = true;
    return;
  }
  if (running_.size() == kRunningMax) running_.erase(running_.begin());
  running_.push_back(running);
}

void ArrivingBlocks::forget(Range range) {
  range = {std::max(range.begin, data_.begin), std::min(range.end, data_.end)};
  if (range.empty()) return;
  const SegmentNumber first = block_at(range.begin), last = block_at(range.end - 1);
  std::fill(known_.begin() + static_cast<std::ptrdiff_t>(first), known_.begin() + static_cast<std::ptrdiff_t>(last) + 1,
            false);
  std::erase_if(running_, [&](const Running& each) { return each.block >= first && each.block <= last; });
}

void ArrivingBlocks::learn(Range block, const Hash& hash) {
  const auto number = number_of(block);
  if (!number) return;
  hashes_[*number] = hash;
  known_[*number] = true;
}

std::optional<Hash> ArrivingBlocks::hash_of(Range block) const {
  const auto number = number_of(block);
  if (!number || !known_[*number]) return std::nullopt;
  return hashes_[*number];
}

}  // namespace holdfast::immutable
