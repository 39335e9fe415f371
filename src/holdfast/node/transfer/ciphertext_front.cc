#include "holdfast/node/transfer/ciphertext_front.h"

#include <algorithm>

#include "holdfast/node/transfer/node_stores.h"

namespace holdfast::transfer {
namespace {

/// Small enough that what is handed out and what is on the wire are nearly the same.
constexpr std::uint64_t kChunkBytes = 256 * 1024;

immutable::ShareLayout layout_for(const immutable::Geometry& geometry, const std::optional<Bytes>& original) {
  if (!original) return immutable::ShareLayout(geometry);
  return {geometry, immutable::ShareLayout::Choice{0, original->size()}};
}

}  // namespace

CiphertextFront::CiphertextFront(const Context& context, const Prepared& prepared, std::optional<Bytes> original)
    : geometry_(prepared.geometry),
      pieces_(prepared.geometry.size()),
      source_(make_file_source(context, prepared.journal, prepared.geometry)),
      encoder_(geometry_, layout_for(geometry_, original), make_node_stores(context.files, context.journal_directory),
               original),
      segment_encoder_(geometry_, &prepared.journal.key),
      pipeline_(context, *source_, segment_encoder_, encoder_, SegmentPipeline::Limits{},
                [this](const immutable::EncodedSegment& segment) { pieces_.update(segment.ciphertext()); }),
      hold_(pipeline_) {}

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

io::Task<Result<void>> CiphertextFront::passed(std::uint64_t end) {
  return pipeline_.passed((end + geometry_.segment_size() - 1) / geometry_.segment_size());
}

io::Task<Result<ByteView>> CiphertextBytes::next() {
  if (at_ >= range_.end) co_return ByteView{};
  const immutable::Geometry& geometry = front_.geometry_;
  const SegmentNumber number = at_ / geometry.segment_size();
  if (leads_) front_.hold_at(at_);
  if (segment_ == nullptr || segment_->number() != number) {
    Result<SharedSegment> segment = co_await reader_.segment(number);
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
  if (end == whole.end) reader_.seek(number + 1);
  if (moved_) moved_(at_);
  co_return chunk;
}

}  // namespace holdfast::transfer
