#include "holdfast/node/transfer/piece_digests.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/helper_messages.h"

namespace holdfast::transfer {

using protocol::kHelperPieceBytes;

PieceDigests::PieceDigests(std::uint64_t size)
    : size_(size), digests_((size + kHelperPieceBytes - 1) / kHelperPieceBytes) {}

Range PieceDigests::range(std::uint64_t piece) const {
  return {piece * kHelperPieceBytes, std::min(size_, (piece + 1) * kHelperPieceBytes)};
}

void PieceDigests::update(ByteView bytes) {
  HF_CHECK(bytes.size() <= size_ - passed_);
  while (!bytes.empty()) {
    const std::uint64_t piece = passed_ / kHelperPieceBytes;
    const ByteView part = bytes.first(std::min<std::uint64_t>(bytes.size(), range(piece).end - passed_));
    hasher_.update(part);
    passed_ += part.size();
    bytes = bytes.subspan(part.size());
    if (passed_ == range(piece).end) digests_[piece] = hasher_.finish();
  }
}

Hash PieceDigests::all() const {
  HF_CHECK(passed_ == size_);
  crypto::Sha256 over;
  for (const Hash& digest : digests_) over.update(digest.view());
  return over.finish();
}

}  // namespace holdfast::transfer
