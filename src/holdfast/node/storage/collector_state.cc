#include "holdfast/node/storage/collector_state.h"

#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/storage/store_paths.h"

namespace holdfast::storage {
namespace {

constexpr std::string_view kTitle = "holdfast collector 1";
constexpr std::string_view kNothing = "-";

}  // namespace

Bytes encode(const CollectorState& state) {
  std::string text(kTitle);
  text += "\ncursor " + (state.cursor.empty() ? std::string(kNothing) : state.cursor);
  text += "\nclock " + (state.clock ? std::to_string(*state.clock) : std::string(kNothing)) + "\n";
  return to_bytes(text);
}

Result<CollectorState> decode_collector_state(ByteView bytes) {
  std::string_view rest = text_of(bytes);
  const auto take = [&rest](std::string_view name) -> std::optional<std::string_view> {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos || !rest.starts_with(name)) return std::nullopt;
    const std::string_view value = rest.substr(name.size(), end - name.size());
    rest.remove_prefix(end + 1);
    return value;
  };
  const auto title = take(kTitle), cursor = take("cursor "), clock = take("clock ");
  CollectorState out;
  const auto seconds = clock ? protocol::parse_decimal(*clock) : std::nullopt;
  if (seconds && *seconds <= 0xffff'ffff) out.clock = static_cast<std::int64_t>(*seconds);
  if (cursor && is_prefix_name(*cursor)) out.cursor = *cursor;
  const bool whole = title && title->empty() && cursor && clock && rest.empty();
  if (!whole || (out.cursor.empty() && *cursor != kNothing) || (!out.clock && *clock != kNothing)) {
    return fail(Errc::malformed, "not the state of a collector");
  }
  return out;
}

}  // namespace holdfast::storage
