#include "holdfast/node/transfer/sample_proof.h"

#include "holdfast/core/crypto/tags.h"

namespace holdfast::transfer {

io::Task<Result<void>> SampleProof::prove(grid::StorageServer& server, ShareNumber share) {
  ShareCopy copy(context_, link_, si_, server, file_, share);
  grid::Arriving arriving;
  const Result<Buffer> block = co_await copy.fetch_blocks(segment_, segment_ + 1, arriving);
  if (block && crypto::tagged_hash(crypto::kTagBlock, *block) == blocks_.at(share)) co_return Result<void>{};
  if (!block && block.error().code != Errc::corrupt) co_return tl::make_unexpected(block.error());
  std::string what = "the block of segment " + std::to_string(segment_) + " is made of something else";
  if (!block) what = block.error().what;
  // A courtesy: its failure changes nothing.
  if (block) static_cast<void>(co_await server.advise_corrupt(si_, share, "corruption in share: " + what));
  co_return fail(Errc::corrupt,
                 server.name() + " holds wrong bytes in share " + std::to_string(share) + " (" + what + ")");
}

}  // namespace holdfast::transfer
