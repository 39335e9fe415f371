#include "holdfast/node/transfer/share_bytes.h"

#include <algorithm>

namespace holdfast::transfer {
namespace {

constexpr std::uint64_t kTailChunkBytes = 256 * 1024;

}  // namespace

io::Task<Result<ByteView>> ShareBytes::next() {
  if (at_ >= range_.end) co_return ByteView{};
  const immutable::ShareLayout& layout = encoder_.layout();
  const Range data = layout.data();
  const std::uint64_t start = at_;
  if (start >= data.begin && start < data.end) {
    const SegmentNumber number = (start - data.begin) / encoder_.geometry().block_size();
    HF_CO_TRY(segment_, co_await reader_.segment(number));
    const ByteView block = segment_->block(share_);
    const std::uint64_t block_begin = data.begin + number * encoder_.geometry().block_size();
    const std::uint64_t end = std::min(range_.end, block_begin + block.size());
    at_ = end;
    if (end == block_begin + block.size()) reader_.seek(number + 1);
    co_return block.subspan(start - block_begin, end - start);
  }
  const std::uint64_t section_end = start < data.begin ? data.begin : layout.size();
  const Range piece{start, std::min({range_.end, section_end, start + kTailChunkBytes})};
  if (start >= data.end) {
    reader_.detach();
    HF_CO_TRY_VOID(co_await pipeline_.finished());
  }
  HF_CO_TRY(other_, encoder_.share_bytes(share_, piece));
  at_ = piece.end;
  co_return ByteView(other_);
}

}  // namespace holdfast::transfer
