#include "holdfast/edge/http/message_body.h"

#include <algorithm>
#include <cstring>

#include "holdfast/edge/http/trailers.h"

namespace holdfast::http {
namespace {

constexpr std::size_t kFillBytes = 16 * 1024;

tl::unexpected<Error> cut_short() {
  return fail(Errc::unavailable, "the connection ended in the middle of a body");
}

}  // namespace

void InputBuffer::consume(std::size_t count) {
  begin_ += count;
  if (begin_ == storage_.size()) {
    storage_.clear();
    begin_ = 0;
  }
}

void InputBuffer::push(ByteView bytes) {
  append(storage_, bytes);
}

void InputBuffer::release() {
  if (!empty()) return;
  storage_ = Bytes();
  begin_ = 0;
}

io::Task<Result<std::size_t>> InputBuffer::fill(io::ByteStream& stream) {
  storage_.erase(storage_.begin(), storage_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  const std::size_t before = storage_.size();
  storage_.resize(before + kFillBytes);
  auto count = co_await stream.read_some(MutableByteView(storage_).subspan(before));
  storage_.resize(before + (count ? *count : 0));
  co_return count;
}

std::optional<std::uint64_t> MessageBody::length() const {
  if (kind_ != Kind::length) return std::nullopt;
  return length_;
}

bool MessageBody::done() const {
  switch (kind_) {
    case Kind::length:
      return left_ == 0;
    case Kind::chunked:
      return chunks_.done();
    case Kind::to_end:
      return ended_;
  }
  return true;
}

io::Task<Result<std::size_t>> MessageBody::read_data(MutableByteView out) {
  if (!buffer_->empty()) {
    const std::size_t count = std::min(out.size(), buffer_->bytes().size());
    std::memcpy(out.data(), buffer_->bytes().data(), count);
    buffer_->consume(count);
    co_return count;
  }
  co_return co_await stream_->read_some(out);
}

Result<void> MessageBody::frame_buffered() {
  HF_TRY(const std::size_t used, chunks_.frame(buffer_->bytes()));
  buffer_->consume(used);
  if (chunks_.done() && !chunks_.trailer_text().empty() && trailers_.fields().empty()) return take_trailers();
  return {};
}

Result<void> MessageBody::take_trailers() {
  Result<Headers> fields = parse_trailers(chunks_.trailer_text());
  if (!fields) return tl::make_unexpected(fields.error());
  trailers_ = std::move(*fields);
  return {};
}

io::Task<Result<void>> MessageBody::read_framing() {
  for (;;) {
    HF_CO_TRY_VOID(frame_buffered());
    if (chunks_.done() || chunks_.data_left() > 0) co_return Result<void>{};
    HF_CO_TRY(const std::size_t count, co_await buffer_->fill(*stream_));
    if (count == 0) co_return cut_short();
  }
}

io::Task<Result<std::size_t>> MessageBody::read_some(MutableByteView out) {
  HF_CHECK(!out.empty());
  if (failed_) co_return fail(Errc::unavailable, "reading this body has failed before");
  failed_ = true;  // until this call has gone well, or was given up before anything came
  if (kind_ == Kind::chunked) {
    const Result<void> framed = co_await read_framing();
    failed_ = !framed && framed.error().code != Errc::cancelled;
    if (!framed) co_return tl::make_unexpected(framed.error());
    failed_ = true;
  }
  if (done()) {
    failed_ = false;
    co_return std::size_t{0};
  }
  const std::uint64_t bound = kind_ == Kind::to_end ? out.size() : kind_ == Kind::chunked ? chunks_.data_left() : left_;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), bound));
  const Result<std::size_t> got = co_await read_data(out.first(wanted));
  failed_ = got || got.error().code != Errc::cancelled;
  if (!got) co_return got;
  const std::size_t count = *got;
  if (count == 0 && kind_ != Kind::to_end) co_return cut_short();
  bytes_read_ += count;
  if (kind_ == Kind::length) left_ -= count;
  if (kind_ == Kind::to_end) ended_ = count == 0;
  if (kind_ == Kind::chunked) {
    chunks_.took(count);
    HF_CO_TRY_VOID(frame_buffered());
  }
  failed_ = false;
  co_return count;
}

}  // namespace holdfast::http
