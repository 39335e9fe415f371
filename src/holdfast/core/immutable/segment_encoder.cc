#include "holdfast/core/immutable/segment_encoder.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/crypto/aes_ctr.h"
#include "holdfast/core/crypto/sha256_many.h"
#include "holdfast/core/crypto/tags.h"

namespace holdfast::immutable {

SegmentEncoder::SegmentEncoder(const Geometry& geometry, const cap::Key* key, Makes makes)
    : geometry_(geometry),
      codec_(erasure::Codec::create(geometry.params().k, geometry.params().n).value()),
      key_(key != nullptr ? std::optional(*key) : std::nullopt),
      makes_(makes) {}

EncodedSegment SegmentEncoder::encode(SegmentNumber segment, Buffer bytes) const {
  HF_CHECK(segment < geometry_.num_segments() && bytes.size() == geometry_.segment_bytes(segment));
  const std::size_t k = codec_.k(), n = codec_.n();
  EncodedSegment out;
  out.number_ = segment;
  out.ciphertext_bytes_ = bytes.size();
  out.block_bytes_ = geometry_.block_bytes(segment);
  out.primary_ = std::move(bytes);
  if (key_) {
    crypto::AesCtr cipher(key_->view(), segment * geometry_.segment_size());
    cipher.apply(out.primary_, out.primary_);
  }
  if (makes_ == Makes::ciphertext) return out;
  out.primary_.resize(out.block_bytes_ * k, 0);  // zeros behind the ciphertext: they are not encrypted
  out.check_.resize(out.block_bytes_ * (n - k));
  std::vector<const std::uint8_t*> primary(k);
  std::vector<std::uint8_t*> check(n - k);
  for (std::size_t i = 0; i < k; ++i) primary[i] = out.primary_.data() + i * out.block_bytes_;
  for (std::size_t i = 0; i < n - k; ++i) check[i] = out.check_.data() + i * out.block_bytes_;
  codec_.encode(primary, check, out.block_bytes_);
  std::vector<ByteView> blocks;
  blocks.reserve(n);
  for (std::size_t i = 0; i < n; ++i) blocks.push_back(out.block(static_cast<ShareNumber>(i)));
  out.block_hashes_.resize(n);
  crypto::tagged_hash_many(crypto::kTagBlock, blocks, out.block_hashes_);
  return out;
}

Hash EncodedSegment::segment_hash() const {
  return crypto::tagged_hash(crypto::kTagSegment, ciphertext());
}

}  // namespace holdfast::immutable
