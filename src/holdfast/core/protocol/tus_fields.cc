#include "holdfast/core/protocol/tus_fields.h"

#include <algorithm>

#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/field_text.h"

namespace holdfast::protocol {
namespace {

constexpr std::size_t kDigitsMax = 19, kKeyBytesMax = 255, kChecksumBytesMax = 256;
constexpr std::uint64_t kCountMax = (std::uint64_t{1} << 63U) - 1;

bool is_metadata_key(std::string_view key) {
  const auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != ','; };
  return !key.empty() && key.size() <= kKeyBytesMax && std::ranges::all_of(key, fits);
}

}  // namespace

std::optional<std::uint64_t> parse_tus_count(std::string_view field) {
  if (field.empty() || field.size() > kDigitsMax) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : field) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value <= kCountMax ? std::optional(value) : std::nullopt;
}

std::string TusMetadata::first_of(std::initializer_list<std::string_view> keys) const {
  for (const std::string_view key : keys) {
    const auto it = std::ranges::find(pairs, key, [](const auto& pair) { return std::string_view(pair.first); });
    if (it != pairs.end()) return it->second;
  }
  return "";
}

Result<TusMetadata> parse_tus_metadata(std::string_view field) {
  TusMetadata out;
  if (field.size() > kTusMetadataBytesMax) return fail(Errc::malformed, "Upload-Metadata is too long");
  if (trim(field).empty()) return out;
  for (bool more = true; more;) {
    more = field.find(',') != std::string_view::npos;
    std::string_view pair = trim(take_until(field, ','));
    const std::string_view key = take_until(pair, ' ');
    if (!is_metadata_key(key)) return fail(Errc::malformed, "Upload-Metadata has a key that cannot be one");
    if (out.pairs.size() == kTusMetadataPairsMax) return fail(Errc::malformed, "Upload-Metadata has too many pairs");
    for (const auto& [known, value] : out.pairs) {
      if (known == key) return fail(Errc::malformed, "Upload-Metadata has the key " + known + " twice");
    }
    const Result<Bytes> value = base64_decode(pair);
    if (!value) return fail(Errc::malformed, "Upload-Metadata has a value that is not base64");
    out.pairs.emplace_back(std::string(key), std::string(text_of(*value)));
  }
  return out;
}

Result<TusChecksum> parse_tus_checksum(std::string_view field) {
  if (field.size() > kChecksumBytesMax) return fail(Errc::malformed, "Upload-Checksum is too long");
  std::string_view rest = trim(field);
  TusChecksum out;
  out.algorithm = std::string(take_until(rest, ' '));
  const Result<Bytes> digest = base64_decode(rest);
  if (out.algorithm.empty() || !digest || digest->empty())
    return fail(Errc::malformed, "Upload-Checksum must be an algorithm and the digest in base64");
  out.digest = *digest;
  return out;
}

Result<TusConcat> parse_tus_concat(std::string_view field) {
  constexpr std::string_view kFinal = "final;";
  TusConcat out;
  std::string_view rest = trim(field);
  if (rest == "partial") return out;
  if (!rest.starts_with(kFinal)) return fail(Errc::malformed, "Upload-Concat must be partial or final;URL...");
  out.final = true;
  rest.remove_prefix(kFinal.size());
  while (!rest.empty()) {
    const std::string_view url = take_until(rest, ' ');
    if (url.empty()) continue;
    if (out.urls.size() == kTusConcatUrlsMax) return fail(Errc::malformed, "Upload-Concat names too many uploads");
    out.urls.emplace_back(url);
  }
  if (out.urls.empty()) return fail(Errc::malformed, "Upload-Concat names no uploads");
  return out;
}

}  // namespace holdfast::protocol
