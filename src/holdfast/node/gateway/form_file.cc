#include "holdfast/node/gateway/form_file.h"

#include <algorithm>
#include <cstring>

namespace holdfast::gateway {
namespace {

using Kind = protocol::MultipartReader::Event::Kind;

constexpr std::size_t kReadBytes = 256 * 1024, kOthersBytesMax = 64 * 1024;

}  // namespace

io::Task<Result<FormFile::Event>> FormFile::next() {
  for (;;) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(std::exchange(used_, 0)));
    HF_CO_TRY(const Event event, reader_.next(buffer_, last_));
    used_ = event.used;
    if (event.kind != Kind::need_more) co_return event;
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(std::exchange(used_, 0)));
    const std::size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    const Result<std::size_t> count = co_await form_.read_some(MutableByteView(buffer_).subspan(before));
    buffer_.resize(before + count.value_or(0));
    if (!count) co_return tl::make_unexpected(count.error());
    last_ = *count == 0;
  }
}

io::Task<Result<void>> FormFile::find() {
  for (;;) {
    HF_CO_TRY(const Event event, co_await next());
    if (event.kind == Kind::end) co_return fail(Errc::malformed, "the form has no field \"file\"");
    if (event.kind == Kind::content) others_ += event.bytes.size();
    if (others_ > kOthersBytesMax) co_return fail(Errc::malformed, "the form has too much besides the file");
    in_file_ = event.kind == Kind::part && reader_.name() == "file";
    if (in_file_) co_return Result<void>{};
  }
}

io::Task<Result<std::size_t>> FormFile::read_some(MutableByteView out) {
  while (content_.empty() && !over_) {
    HF_CO_TRY(const Event event, co_await next());
    if (event.kind == Kind::content && in_file_) content_ = event.bytes;
    if (event.kind == Kind::content && !in_file_ && (others_ += event.bytes.size()) > kOthersBytesMax)
      co_return fail(Errc::malformed, "the form has too much besides the file");
    if (event.kind == Kind::part) in_file_ = false;  // the first file is the one
    over_ = event.kind == Kind::end;
  }
  const std::size_t count = std::min(out.size(), content_.size());
  if (count > 0) std::memcpy(out.data(), content_.data(), count);
  content_ = content_.subspan(count);
  co_return count;
}

}  // namespace holdfast::gateway
