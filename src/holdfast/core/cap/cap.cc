#include "holdfast/core/cap/cap.h"

#include <array>
#include <charconv>
#include <optional>

#include "holdfast/core/base/base32.h"

namespace holdfast::cap {
namespace {

constexpr std::string_view kUri = "URI:";
constexpr std::size_t kChkFields = 5;

/// What all CHK forms share behind their prefix. Id is the key or the storage index.
template <class Id>
struct ChkFields {
  Id id;
  Hash ueb_hash;
  std::uint16_t k;
  std::uint16_t n;
  std::uint64_t size;
};

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::array<std::string_view, kChkFields>> split_fields(std::string_view text) {
  std::array<std::string_view, kChkFields> fields;
  for (std::size_t i = 0; i + 1 < kChkFields; ++i) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    fields[i] = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  fields.back() = text;  // a further colon in it is no digit
  return fields;
}

// Digits only; leading zeros are fine.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// Looks at the width before decoding, so that a long field costs nothing.
template <class Id>
std::optional<Id> parse_id(std::string_view text) {
  if (text.size() != (Id::kSize * 8 + 4) / 5) return std::nullopt;
  const Result<Id> id = base32_decode_id<Id>(text);
  return id ? std::optional<Id>(*id) : std::nullopt;
}

template <class Id>
std::optional<ChkFields<Id>> parse_chk(std::string_view text) {
  const auto fields = split_fields(text);
  if (!fields) return std::nullopt;
  const auto id = parse_id<Id>((*fields)[0]);
  const auto ueb_hash = parse_id<Hash>((*fields)[1]);
  const auto k = parse_number((*fields)[2]);
  const auto n = parse_number((*fields)[3]);
  const auto size = parse_number((*fields)[4]);
  if (!id || !ueb_hash || !k || !n || !size) return std::nullopt;
  if (*k < 1 || *k > *n || *n > kSharesMax) return std::nullopt;
  return ChkFields<Id>{*id, *ueb_hash, static_cast<std::uint16_t>(*k), static_cast<std::uint16_t>(*n), *size};
}

std::optional<Cap> parse_understood(std::string_view text) {
  if (!take_prefix(text, "ro.")) take_prefix(text, "imm.");
  if (!take_prefix(text, kUri)) return std::nullopt;
  const bool directory = take_prefix(text, "DIR2-");
  if (take_prefix(text, "CHK:")) {
    const auto chk = parse_chk<Key>(text);
    if (!chk) return std::nullopt;
    return ChkReadCap{chk->id, chk->ueb_hash, chk->k, chk->n, chk->size, directory};
  }
  if (take_prefix(text, "CHK-Verifier:")) {
    const auto chk = parse_chk<StorageIndex>(text);
    if (!chk) return std::nullopt;
    return ChkVerifyCap{chk->id, chk->ueb_hash, chk->k, chk->n, chk->size, directory};
  }
  if (take_prefix(text, "LIT:")) {
    Result<Bytes> data = base32_decode(text);
    if (!data) return std::nullopt;
    return LitCap{std::move(*data), directory};
  }
  return std::nullopt;
}

template <class Chk>
std::string chk_text(const Chk& cap, ByteView id) {
  return base32_encode(id) + ":" + base32_encode(cap.ueb_hash.view()) + ":" + std::to_string(cap.k) + ":" +
         std::to_string(cap.n) + ":" + std::to_string(cap.size);
}

struct KindOf {
  std::string_view operator()(const ChkReadCap& cap) const { return cap.directory ? "DIR2-CHK" : "CHK"; }
  std::string_view operator()(const ChkVerifyCap& cap) const {
    return cap.directory ? "DIR2-CHK-Verifier" : "CHK-Verifier";
  }
  std::string_view operator()(const LitCap& cap) const { return cap.directory ? "DIR2-LIT" : "LIT"; }
  std::string_view operator()(const UnknownCap&) const { return "unknown"; }
};

struct TextBehindPrefix {
  std::string operator()(const ChkReadCap& cap) const { return chk_text(cap, cap.key.view()); }
  std::string operator()(const ChkVerifyCap& cap) const { return chk_text(cap, cap.storage_index.view()); }
  std::string operator()(const LitCap& cap) const { return base32_encode(cap.data); }
  std::string operator()(const UnknownCap& cap) const { return cap.text; }
};

}  // namespace

Cap parse_cap(std::string_view text) {
  if (auto cap = parse_understood(text)) return std::move(*cap);
  return UnknownCap{std::string(text)};
}

std::string_view kind_of(const Cap& cap) {
  return std::visit(KindOf{}, cap);
}

std::string to_string(const Cap& cap) {
  std::string text = std::visit(TextBehindPrefix{}, cap);
  if (std::holds_alternative<UnknownCap>(cap)) return text;
  return std::string(kUri) + std::string(kind_of(cap)) + ":" + text;
}

}  // namespace holdfast::cap
