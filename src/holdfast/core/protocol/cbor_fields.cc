#include "holdfast/core/protocol/cbor_fields.h"

#include <set>
#include <string>

namespace holdfast::protocol {
namespace {

constexpr std::size_t kOtherKeysMax = 256;

Result<std::string_view> read_key(CborReader& in, bool byte_keys) {
  if (!byte_keys) return in.text();
  HF_TRY(const ByteView bytes, in.bytes());
  return text_of(bytes);
}

}  // namespace

Result<void> read_map(CborReader& in, const std::vector<Field>& fields, MapStyle style) {
  HF_TRY(auto pairs, in.map());
  std::vector<bool> seen(fields.size(), false);
  std::set<std::string, std::less<>> others;
  for (;;) {
    HF_TRY(const bool more, pairs.next());
    if (!more) break;
    HF_TRY(const std::string_view key, read_key(in, style.byte_keys));
    std::size_t at = 0;
    while (at < fields.size() && fields[at].key != key) ++at;
    if (at == fields.size()) {
      if (!style.open) return fail(Errc::malformed, "an unknown key in a message");
      if (!others.emplace(key).second || others.size() > kOtherKeysMax) return fail(Errc::malformed, "a key twice");
      HF_TRY_VOID(in.skip());
      continue;
    }
    if (seen[at]) return fail(Errc::malformed, "a key twice in a message");
    seen[at] = true;
    HF_TRY_VOID(fields[at].read(in));
  }
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!seen[i] && !fields[i].optional)
      return fail(Errc::malformed, "a message without " + std::string(fields[i].key));
  }
  return {};
}

Result<void> read_whole(ByteView bytes, const std::vector<Field>& fields, bool open) {
  CborReader in(bytes);
  HF_TRY_VOID(read_map(in, fields, {.byte_keys = false, .open = open}));
  return in.end();
}

ReadField into(std::uint64_t& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(out, in.uint());
    return {};
  };
}

ReadField into(bool& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(out, in.boolean());
    return {};
  };
}

ReadField into(std::string& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(const std::string_view text, in.text());
    out = std::string(text);
    return {};
  };
}

ReadField into(Bytes& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(const ByteView bytes, in.bytes());
    out = to_bytes(bytes);
    return {};
  };
}

}  // namespace holdfast::protocol
