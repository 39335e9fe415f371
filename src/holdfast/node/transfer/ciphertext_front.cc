#include "holdfast/node/transfer/ciphertext_front.h"

#include <algorithm>

#include "holdfast/core/immutable/uri_extension.h"
#include "holdfast/node/transfer/node_stores.h"

namespace holdfast::transfer {
namespace {

/// Small enough that what is handed out and what is on the wire are nearly the same.
constexpr std::uint64_t kChunkBytes = 256 * 1024;

immutable::ShareLayout layout_for(const immutable::Geometry& geometry, const std::optional<Bytes>& original) {
  if (!original) return immutable::ShareLayout(geometry);
  return {geometry, immutable::ShareLayout::Choice{0, original->size()}};
}

immutable::SegmentEncoder::Makes made_for(Proof proof) {
  using Makes = immutable::SegmentEncoder::Makes;
  return proof == Proof::full ? Makes::shares : Makes::ciphertext;
}

}  // namespace

CiphertextFront::CiphertextFront(const Context& context, const Prepared& prepared, Proof proof,
                                 std::optional<Bytes> original)
    : context_(context),
      key_(prepared.journal.key),
      geometry_(prepared.geometry),
      pieces_(prepared.geometry.size()),
      source_(make_file_source(context, prepared.journal, prepared.geometry)),
      segment_encoder_(geometry_, &prepared.journal.key, made_for(proof)),
      cipher_(geometry_, &prepared.journal.key, immutable::SegmentEncoder::Makes::ciphertext),
      pipeline_(
          context, *source_, segment_encoder_, geometry_,
          {[this](const immutable::EncodedSegment& segment) { return absorb(segment); }, [this] { return finish(); },
           [this](const immutable::EncodedSegment& segment) {
             return encoder_ ? encoder_->has_absorbed(segment) : hasher_->has_absorbed(segment);
           }},
          SegmentPipeline::Limits{}),
      hold_(pipeline_) {
  const immutable::NodeStoreFactory stores = make_node_stores(context.files, context.journal_directory);
  if (proof == Proof::full) {
    encoder_.emplace(geometry_, layout_for(geometry_, original), stores, original);
  } else {
    hasher_.emplace(geometry_, stores);
  }
}

Result<void> CiphertextFront::absorb(const immutable::EncodedSegment& segment) {
  pieces_.update(segment.ciphertext());
  return encoder_ ? encoder_->absorb(segment) : hasher_->absorb(segment.ciphertext());
}

Result<void> CiphertextFront::finish() {
  return encoder_ ? encoder_->finish() : hasher_->finish();
}

Bytes CiphertextFront::extension_beside(ByteView theirs) const {
  if (encoder_) return to_bytes(encoder_->uri_extension());
  const auto shown = immutable::parse_uri_extension(theirs, geometry_.params().k);
  const Hash share_root = shown ? shown->share_root : Hash{};
  return immutable::encode_uri_extension(geometry_, {hasher_->hash(), hasher_->root(), share_root});
}

io::Task<Result<SharedSegment>> CiphertextFront::made_alone(SegmentNumber segment) {
  if (pipeline_.failure()) co_return tl::make_unexpected(*pipeline_.failure());
  HF_CO_TRY(Buffer plaintext, co_await source_->again(segment));
  auto job = [this, segment, &plaintext]() -> SharedSegment {
    return std::make_shared<const immutable::EncodedSegment>(cipher_.encode(segment, std::move(plaintext)));
  };
  co_return co_await context_.cpu.run(std::move(job));
}

io::Task<Result<std::vector<Hash>>> CiphertextFront::block_hashes(SegmentNumber segment) {
  HF_CO_TRY(Buffer plaintext, co_await source_->again(segment));
  auto job = [this, segment, &plaintext]() -> Result<std::vector<Hash>> {
    const immutable::SegmentEncoder coder(geometry_, &key_);
    const immutable::EncodedSegment made = coder.encode(segment, std::move(plaintext));
    HF_TRY(const Hash passed, hasher_->segment_hash(segment));
    if (made.segment_hash() != passed) return fail(Errc::changed, "the file changed while it was being uploaded");
    return made.block_hashes();
  };
  co_return co_await context_.cpu.run(std::move(job));
}

void CiphertextFront::hold_at(std::uint64_t offset) {
  const SegmentNumber segment = offset / geometry_.segment_size();
  if (!held_ || segment > held_at_) {
    hold_.seek(segment);
    held_at_ = segment;
    held_ = true;
  }
  pipeline_.open();
}

void CiphertextFront::let_go() {
  hold_.detach();
  held_ = false;
  pipeline_.open();
}

io::Task<Result<ByteView>> CiphertextBytes::next() {
  if (at_ >= range_.end) co_return ByteView{};
  const immutable::Geometry& geometry = front_.geometry_;
  const SegmentNumber number = at_ / geometry.segment_size();
  if (leads_) front_.hold_at(at_);
  if (segment_ == nullptr || segment_->number() != number) {
    Result<SharedSegment> segment = fail(Errc::cancelled, "");
    if (front_.pipeline_.is_near(number)) {
      segment = co_await reader_.segment(number);
    } else {
      segment = co_await front_.made_alone(number);
    }
    if (!segment) {
      failure_ = segment.error();
      co_return tl::make_unexpected(segment.error());
    }
    segment_ = std::move(*segment);
  }
  const Range whole = geometry.segment_range(number);
  const std::uint64_t end = std::min({range_.end, whole.end, at_ + kChunkBytes});
  const ByteView chunk = segment_->ciphertext().subspan(at_ - whole.begin, end - at_);
  at_ = end;
  if (end == whole.end && front_.pipeline_.is_near(number + 1)) reader_.seek(number + 1);
  if (moved_) moved_(at_);
  co_return chunk;
}

}  // namespace holdfast::transfer
