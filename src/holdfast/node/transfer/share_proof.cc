#include "holdfast/node/transfer/share_proof.h"

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/edge/io/task_group.h"

namespace holdfast::transfer {
namespace {

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
  const RangeSet blocks = unsent.intersection(layout.data());
  if (blocks.empty()) return out;
  const std::uint64_t position = random_position(context.random, blocks);
  const SegmentNumber segment = (position - layout.data().begin) / encoder.geometry().block_size();
  HF_TRY(const Hash block_hash, encoder.block_hash(share, segment));
  out.push_back(Part{layout.block(segment), {}, block_hash});
  const std::uint64_t tree = layout.block_hashes().begin;
  for (std::uint64_t node : hashtree::path_siblings(encoder.geometry().num_segments(), segment))
    HF_TRY_VOID(add(Range{tree + node * Hash::kSize, tree + (node + 1) * Hash::kSize}));
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
