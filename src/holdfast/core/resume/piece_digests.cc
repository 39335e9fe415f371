#include "holdfast/core/resume/piece_digests.h"

#include <algorithm>

namespace holdfast::resume {

PieceDigests::PieceDigests(std::uint64_t held)
    : size_(held), whole_(held / kPieceBytes), tail_known_(held % kPieceBytes == 0) {}

void PieceDigests::set_tail(ByteView held_of_last_piece) {
  HF_CHECK(held_of_last_piece.size() == size_ % kPieceBytes);
  tail_.reset();
  if (!held_of_last_piece.empty()) {
    tail_ = std::make_unique<crypto::Sha256>();
    tail_->update(held_of_last_piece);
  }
  tail_known_ = true;
}

void PieceDigests::update(ByteView bytes) {
  HF_CHECK(tail_known_);
  while (!bytes.empty()) {
    const std::uint64_t room = kPieceBytes - size_ % kPieceBytes;
    const ByteView now = bytes.first(std::min<std::uint64_t>(room, bytes.size()));
    if (tail_ == nullptr) tail_ = std::make_unique<crypto::Sha256>();
    tail_->update(now);
    size_ += now.size();
    if (size_ % kPieceBytes == 0) {
      whole_.emplace_back(tail_->finish());
      tail_.reset();
    }
    bytes = bytes.subspan(now.size());
  }
}

void PieceDigests::pass_over(std::uint64_t bytes) {
  size_ += bytes;
  whole_.resize(size_ / kPieceBytes);
  tail_known_ = size_ % kPieceBytes == 0;
  tail_.reset();
}

std::optional<Hash> PieceDigests::at(std::uint64_t piece) const {
  if (piece < whole_.size()) return whole_[piece];
  if (piece >= count() || !tail_known_) return std::nullopt;
  crypto::Sha256 copy = *tail_;
  return copy.finish();
}

void PieceDigests::set(std::uint64_t piece, ByteView bytes) {
  HF_CHECK(piece < count());
  if (piece < whole_.size()) {
    HF_CHECK(bytes.size() == kPieceBytes);
    whole_[piece] = crypto::sha256(bytes);
  } else {
    set_tail(bytes);
  }
}

void PieceDigests::forget(std::uint64_t piece) {
  if (piece < whole_.size()) {
    whole_[piece].reset();
  } else if (piece < count()) {
    tail_known_ = false;
    tail_.reset();
  }
}

Hash digest_of_pieces(const std::vector<Hash>& pieces) {
  crypto::Sha256 all;
  for (const Hash& piece : pieces) all.update(piece.view());
  return all.finish();
}

}  // namespace holdfast::resume
