#include "holdfast/node/transfer/share_proof.h"

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/hashtree/tree_index.h"

namespace holdfast::transfer {
namespace {

struct Look {
  const Context& context;
  immutable::Encoder& encoder;
  grid::StorageServer& server;
  const StorageIndex& si;
  ShareNumber share;

  io::Task<Result<void>> differs(Range range) const {
    const std::string where = "share[" + std::to_string(range.begin) + "-" + std::to_string(range.end) + ")";
    // A courtesy: its failure changes nothing.
    static_cast<void>(co_await server.advise_corrupt(si, share, "corruption in " + where + ": not what was uploaded"));
    co_return fail(Errc::corrupt,
                   server.name() + " holds wrong bytes in share " + std::to_string(share) + " (" + where + ")");
  }

  /// The server's bytes of a range that the encoder can make itself.
  io::Task<Result<void>> compare(Range range) const {
    HF_CO_TRY(const Bytes theirs, co_await server.read(si, share, range));
    HF_CO_TRY(const Bytes ours, encoder.share_bytes(share, range));
    if (!equal(theirs, ours)) co_return co_await differs(range);
    co_return Result<void>{};
  }

  io::Task<Result<void>> compare_block(SegmentNumber segment) const {
    const Range range = encoder.layout().block(segment);
    HF_CO_TRY(const Bytes block, co_await server.read(si, share, range));
    HF_CO_TRY(const Hash expected, encoder.block_hash(share, segment));
    if (block.size() != range.size() || crypto::tagged_hash(crypto::kTagBlock, block) != expected) {
      co_return co_await differs(range);
    }
    co_return Result<void>{};
  }

  io::Task<Result<void>> compare_path(SegmentNumber segment) const {
    const std::uint64_t tree = encoder.layout().block_hashes().begin;
    for (std::uint64_t node : hashtree::path_siblings(encoder.geometry().num_segments(), segment)) {
      HF_CO_TRY_VOID(co_await compare(Range{tree + node * Hash::kSize, tree + (node + 1) * Hash::kSize}));
    }
    co_return Result<void>{};
  }
};

}  // namespace

io::Task<Result<void>> prove_share(const Context& context, immutable::Encoder& encoder, grid::StorageServer& server,
                                   const StorageIndex& si, ShareNumber share, RangeSet unsent) {
  const Look look{context, encoder, server, si, share};
  const auto& layout = encoder.layout();
  HF_CO_TRY_VOID(co_await look.compare(Range{layout.tail_begin(), layout.size()}));
  const RangeSet blocks = unsent.intersection(layout.data());
  if (blocks.empty()) co_return Result<void>{};
  // A random byte of what was not sent names the block, so that long held runs are looked at in proportion.
  std::uint64_t pick = context.random.below(blocks.total());
  std::uint64_t position = layout.data().begin;
  for (const Range& range : blocks.ranges()) {
    position = range.begin + pick;
    if (pick < range.size()) break;
    pick -= range.size();
  }
  const SegmentNumber segment = (position - layout.data().begin) / encoder.geometry().block_size();
  HF_CO_TRY_VOID(co_await look.compare_block(segment));
  co_return co_await look.compare_path(segment);
}

}  // namespace holdfast::transfer
