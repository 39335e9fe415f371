// One item of the protocol's kinds, read by trial, is written in its canonical form, which reads as the same
// item; what can be read can be passed over, and ends at the same place.
#include <optional>
#include <vector>

#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/cbor.h"

namespace {

using namespace holdfast;
using namespace holdfast::protocol;

struct Item {
  enum Kind { uint, boolean, bytes, text, array, set, map } kind = uint;
  std::uint64_t number = 0;
  Bytes string;
  std::vector<Item> items;  // keys and values of a map in turn
  friend bool operator==(const Item&, const Item&) = default;
};

std::optional<Item> read(CborReader& in, unsigned depth);

/// Reads a container; nothing, and `in` as it was, when it is none of that kind.
std::optional<Item> read_container(CborReader& in, Item::Kind kind, unsigned depth) {
  CborReader ahead = in;
  auto items = kind == Item::array ? ahead.array() : kind == Item::set ? ahead.set() : ahead.map();
  if (!items) return std::nullopt;
  Item out{.kind = kind, .number = 0, .string = {}, .items = {}};
  for (;;) {
    const auto more = items->next();
    if (!more) return std::nullopt;
    if (!*more) break;
    for (int i = 0; i < (kind == Item::map ? 2 : 1); ++i) {
      auto item = read(ahead, depth - 1);
      if (!item) return std::nullopt;
      out.items.push_back(std::move(*item));
    }
  }
  // Views into the same bytes: the reader that went ahead may be taken over, its containers are done.
  in = ahead;
  return out;
}

/// Each way of reading is tried on a copy, so that one that fails leaves no trace. At most one may succeed.
std::optional<Item> read(CborReader& in, unsigned depth) {
  std::optional<Item> out;
  const CborReader start = in;
  const auto found = [&](const CborReader& after, Item item) {
    HF_CHECK(!out);
    out = std::move(item);
    in = after;
  };
  CborReader a = start, b = start, c = start, d = start;
  if (const auto value = a.uint()) found(a, {Item::uint, *value, {}, {}});
  if (const auto value = b.boolean()) found(b, {Item::boolean, *value ? 1u : 0u, {}, {}});
  if (const auto value = c.bytes()) found(c, {Item::bytes, 0, to_bytes(*value), {}});
  if (const auto value = d.text()) found(d, {Item::text, 0, to_bytes(view_of(*value)), {}});
  if (depth == 0) return out;
  for (const Item::Kind kind : {Item::array, Item::set, Item::map}) {
    CborReader each = start;
    if (auto item = read_container(each, kind, depth)) found(each, std::move(*item));
  }
  return out;
}

void write(CborWriter& out, const Item& item) {
  switch (item.kind) {
    case Item::uint:
      return out.uint(item.number);
    case Item::boolean:
      return out.boolean(item.number == 1);
    case Item::bytes:
      return out.bytes(item.string);
    case Item::text:
      return out.text(text_of(item.string));
    case Item::array:
      out.array(item.items.size());
      break;
    case Item::set:
      out.set(item.items.size());
      break;
    case Item::map:
      out.map(item.items.size() / 2);
      break;
  }
  for (const Item& each : item.items) write(out, each);
}

Bytes written(const Item& item) {
  CborWriter out;
  write(out, item);
  return out.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr unsigned kDepth = 6;  // sets take two levels of skip's sixteen
  CborReader in({data, size});
  CborReader skipping({data, size});
  const bool skipped = skipping.skip().has_value();
  const auto item = read(in, kDepth);
  if (!item) return 0;
  HF_CHECK(skipped);
  HF_CHECK(in.end().has_value() == skipping.end().has_value());
  const Bytes canonical = written(*item);
  CborReader again(canonical);
  HF_CHECK(read(again, kDepth) == item);
  HF_CHECK(again.end());
  return 0;
}
