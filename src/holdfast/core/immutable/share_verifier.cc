#include "holdfast/core/immutable/share_verifier.h"

#include <algorithm>

#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/whole_tree.h"

namespace holdfast::immutable {

std::uint64_t ShareVerifier::tree_begin() const {
  return stage_ == Stage::crypttext_tree ? reader_.offsets().crypttext_hashes : reader_.offsets().block_hashes;
}

SegmentNumber ShareVerifier::blocks_end() const {
  const SegmentNumber step = std::max<std::uint64_t>(1, kPieceBytes / file_.geometry().block_size());
  return std::min(segment_ + step, file_.geometry().num_segments());
}

std::optional<Range> ShareVerifier::next() const {
  switch (stage_) {
    case Stage::header:
      return reader_.header_range();
    case Stage::tail:
      return reader_.tail_range();
    case Stage::crypttext_tree:
    case Stage::block_tree: {
      const std::uint64_t whole = hashtree::node_count(file_.geometry().num_segments()) * Hash::kSize;
      const std::uint64_t begin = tree_begin() + tree_.size();
      return Range{begin, begin + std::min(kPieceBytes, whole - tree_.size())};
    }
    case Stage::blocks:
      return reader_.block_range(segment_, blocks_end());
    case Stage::done:
      break;
  }
  return std::nullopt;
}

Result<void> ShareVerifier::on_tail(ByteView bytes) {
  HF_TRY_VOID(reader_.on_tail(bytes));
  HF_TRY_VOID(check_redundant_fields(file_.extension(), file_.geometry()));
  HF_TRY_VOID(check_offsets(reader_.offsets(), file_.geometry(), true));
  stage_ = Stage::crypttext_tree;
  return {};
}

Result<void> ShareVerifier::on_tree_piece(ByteView bytes) {
  append(tree_, bytes);
  const std::uint64_t leaves = file_.geometry().num_segments();
  if (tree_.size() < hashtree::node_count(leaves) * Hash::kSize) return {};
  const bool crypttext = stage_ == Stage::crypttext_tree;
  HF_TRY(block_leaves_,
         leaves_of_whole_tree(tree_, leaves, crypttext ? file_.extension().crypttext_root : reader_.block_root()));
  tree_ = Bytes();
  stage_ = crypttext ? Stage::block_tree : Stage::blocks;
  return {};
}

Result<void> ShareVerifier::on_blocks(ByteView bytes) {
  const std::vector<Hash> found = SegmentDecoder::block_hashes(file_.geometry(), segment_, blocks_end(), bytes);
  for (const Hash& hash : found) {
    if (hash != block_leaves_[segment_])
      return fail(Errc::corrupt, "block " + std::to_string(segment_) + " does not have its hash");
    ++segment_;
  }
  if (segment_ == file_.geometry().num_segments()) stage_ = Stage::done;
  return {};
}

Result<void> ShareVerifier::on_bytes(ByteView bytes) {
  const Range asked = next().value();
  const bool may_be_short = stage_ == Stage::header || stage_ == Stage::tail;
  if (bytes.size() > asked.size() || (bytes.size() < asked.size() && !may_be_short)) {
    return fail(Errc::corrupt, "the share is shorter than it should be");
  }
  Result<void> outcome;
  switch (stage_) {
    case Stage::header:
      outcome = reader_.on_header(bytes);
      stage_ = Stage::tail;
      break;
    case Stage::tail:
      outcome = on_tail(bytes);
      break;
    case Stage::crypttext_tree:
    case Stage::block_tree:
      outcome = on_tree_piece(bytes);
      break;
    case Stage::blocks:
      outcome = on_blocks(bytes);
      break;
    case Stage::done:
      break;
  }
  // A file that is unusable altogether makes each of its shares corrupt, here; a wrong cap does not.
  if (file_.contradicts_cap()) return outcome;
  if (!outcome && outcome.error().code == Errc::malformed) return fail(Errc::corrupt, outcome.error().what);
  return outcome;
}

}  // namespace holdfast::immutable
