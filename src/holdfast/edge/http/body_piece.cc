#include "holdfast/edge/http/body_piece.h"

#include "holdfast/edge/io/waiting.h"

namespace holdfast::http {

io::Task<Result<bool>> read_piece(BodyReader& body, io::CancelScope& scope, io::Duration soon, Buffer& piece,
                                  std::function<void()> heard) {
  io::Loop& loop = scope.loop();
  std::size_t filled = 0;
  Result<std::size_t> count = std::size_t{1};
  const io::Time due = loop.now() + soon;
  while (filled < piece.size()) {
    auto reading = body.read_some(MutableByteView(piece).subspan(filled));
    if (filled > 0) reading = io::with_timeout(due - loop.now(), std::move(reading));
    count = co_await reading.in(scope);
    const bool stalls = filled > 0 && !count && count.error().code == Errc::timeout;
    if (stalls) count = filled;  // what is here is used meanwhile
    if (stalls || !count || *count == 0) break;
    heard();
    filled += *count;
    if (loop.now() >= due) break;
  }
  piece.resize(filled);
  if (!count) co_return tl::make_unexpected(count.error());
  co_return *count == 0;
}

}  // namespace holdfast::http
