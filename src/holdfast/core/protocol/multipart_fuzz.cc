// A form of any bytes, whole and in two pieces: the same parts, or refused both times.
#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/multipart.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;
using Kind = MultipartReader::Event::Kind;

/// What a reader makes of it, as text; nothing when it is refused.
std::optional<std::string> read(ByteView form, std::size_t first) {
  MultipartReader reader("XX");
  std::string out;
  std::size_t at = 0, end = first;
  for (;;) {
    const auto event = reader.next(form.subspan(at, end - at), end == form.size());
    if (!event) return std::nullopt;
    HF_CHECK(event->used <= end - at);
    if (event->kind == Kind::part)
      out += "\n[" + reader.name() + "|" + reader.file_name() + "|" + reader.media_type() + "]";
    if (event->kind == Kind::content) {
      HF_CHECK(event->used == event->bytes.size() && event->used > 0);
      out += text_of(event->bytes);
    }
    if (event->kind == Kind::end) return out;
    at += event->used;
    if (event->kind != Kind::need_more) continue;
    HF_CHECK(end < form.size());  // it would have been an error
    end = form.size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static_cast<void>(multipart_boundary(text_of({data, size})));
  if (size == 0) return 0;
  const ByteView form{data + 1, size - 1};
  HF_CHECK(read(form, form.size()) == read(form, form.size() * data[0] / 255));
  return 0;
}
