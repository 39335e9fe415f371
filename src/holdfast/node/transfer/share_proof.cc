#include "holdfast/node/transfer/share_proof.h"

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kTreesWholeMax = 128 * 1024;  // as much is little beside a block

/// One range of the share as the server has it, and how it is known to be right.
struct Part {
  Range range;
  Bytes ours;                        // what it must be,
  std::optional<Hash> block_hash{};  // or what its hash must be
  Result<Bytes> theirs = fail(Errc::cancelled, "stopped");

  bool agrees() const {
    if (!block_hash) return equal(*theirs, ours);
    return theirs->size() == range.size() && crypto::tagged_hash(crypto::kTagBlock, *theirs) == *block_hash;
  }
};

io::Task<void> read(grid::StorageServer* server, StorageIndex si, ShareNumber share, Part* part) {
  part->theirs = co_await server->read(si, share, part->range);
}

/// A random byte of what was not sent names the block, so that long held runs are looked at in proportion.
std::uint64_t random_position(Random& random, const RangeSet& blocks) {
  std::uint64_t pick = random.below(blocks.total());
  for (const Range& range : blocks.ranges()) {
    if (pick < range.size()) return range.begin + pick;
    pick -= range.size();
  }
  return blocks.front().begin;
}

/// Everything is asked for at once: on a long way each question costs a round trip.
Result<std::vector<Part>> parts_to_read(const Context& context, immutable::Encoder& encoder, ShareNumber share,
                                        const RangeSet& unsent) {
  const auto& layout = encoder.layout();
  std::vector<Part> out;
  const auto add = [&](Range range) -> Result<void> {
    HF_TRY(Bytes ours, encoder.share_bytes(share, range));
    out.push_back(Part{range, std::move(ours)});
    return {};
  };
  HF_TRY_VOID(add(Range{layout.tail_begin(), layout.size()}));
  if (unsent.intersects(layout.header())) HF_TRY_VOID(add(layout.header()));
  const RangeSet blocks = unsent.intersection(layout.data());
  const Range trees{layout.crypttext_hashes().begin, layout.block_hashes().end};
  const SegmentNumber segments = encoder.geometry().num_segments();
  SegmentNumber segment = context.random.below(segments);
  if (!blocks.empty()) {
    const std::uint64_t position = random_position(context.random, blocks);
    segment = (position - layout.data().begin) / encoder.geometry().block_size();
    HF_TRY(const Hash block_hash, encoder.block_hash(share, segment));
    out.push_back(Part{layout.block(segment), {}, block_hash});
  }
  if (!unsent.intersects(trees)) return out;
  if (trees.size() <= kTreesWholeMax) {
    HF_TRY_VOID(add(trees));
    return out;
  }
  // Of large ones what a reader of that segment needs.
  for (const Range& tree : {layout.crypttext_hashes(), layout.block_hashes()}) {
    std::vector<std::uint64_t> nodes = hashtree::path_siblings(segments, segment);
    nodes.push_back(hashtree::first_leaf_node(segments) + segment);
    for (const std::uint64_t node : nodes)
      HF_TRY_VOID(add(Range{tree.begin + node * Hash::kSize, tree.begin + (node + 1) * Hash::kSize}));
  }
  return out;
}

}  // namespace

io::Task<Result<void>> prove_share(const Context& context, immutable::Encoder& encoder, grid::StorageServer& server,
                                   const StorageIndex& si, ShareNumber share, RangeSet unsent) {
  HF_CO_TRY(std::vector<Part> parts, parts_to_read(context, encoder, share, unsent));
  {
    io::TaskGroup group(co_await io::this_scope());
    for (Part& part : parts) group.spawn(read(&server, si, share, &part));
    co_await group.join();
  }
  for (const Part& part : parts) {
    if (!part.theirs) co_return tl::make_unexpected(part.theirs.error());
    if (part.agrees()) continue;
    const std::string where = "share[" + std::to_string(part.range.begin) + "-" + std::to_string(part.range.end) + ")";
    // A courtesy: its failure changes nothing.
    static_cast<void>(co_await server.advise_corrupt(si, share, "corruption in " + where + ": not what was uploaded"));
    co_return fail(Errc::corrupt,
                   server.name() + " holds wrong bytes in share " + std::to_string(share) + " (" + where + ")");
  }
  co_return Result<void>{};
}

}  // namespace holdfast::transfer
