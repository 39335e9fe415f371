#include "holdfast/edge/http/message.h"

#include <algorithm>

#include "holdfast/edge/http/text.h"

namespace holdfast::http {

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::vector<std::string_view> Headers::find_all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const Field& field : fields_) {
    if (equal_ignoring_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

io::Task<Result<Bytes>> read_all(BodyReader& body, std::size_t bytes_max) {
  constexpr std::size_t kFirstBytes = 4096;
  const std::optional<std::uint64_t> length = body.length();
  if (length && *length > bytes_max) {
    co_return fail(Errc::malformed, "a body of " + std::to_string(*length) + " bytes; at most " +
                                        std::to_string(bytes_max) + " are allowed");
  }
  // One byte more than may come, so that the end and too much can be told apart.
  const std::size_t room_max = bytes_max + 1;
  Bytes out(std::min<std::size_t>(length ? static_cast<std::size_t>(*length) + 1 : kFirstBytes, room_max));
  std::size_t filled = 0;
  for (;;) {
    if (filled == out.size()) out.resize(std::min(out.size() * 2, room_max));
    HF_CO_TRY(const std::size_t count, co_await body.read_some(MutableByteView(out).subspan(filled)));
    if (count == 0) break;
    filled += count;
    if (filled > bytes_max) {
      co_return fail(Errc::malformed, "a body of more than the " + std::to_string(bytes_max) + " bytes allowed");
    }
  }
  out.resize(filled);
  co_return out;
}

}  // namespace holdfast::http
