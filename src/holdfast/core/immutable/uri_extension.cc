#include "holdfast/core/immutable/uri_extension.h"

#include <algorithm>

#include "holdfast/core/base/netstring.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"

namespace holdfast::immutable {
namespace {

std::string codec_params(std::uint64_t bytes, const Params& params) {
  return std::to_string(bytes) + "-" + std::to_string(params.k) + "-" + std::to_string(params.n);
}

/// The fields that follow from the geometry alone.
std::map<std::string, std::string> derived_fields(const Geometry& geometry) {
  const Params& params = geometry.params();
  return {{"codec_name", "crs"},
          {"codec_params", codec_params(params.segment_size, params)},
          {"needed_shares", std::to_string(params.k)},
          {"num_segments", std::to_string(geometry.num_segments())},
          {"segment_size", std::to_string(params.segment_size)},
          {"size", std::to_string(params.size)},
          {"tail_codec_params", codec_params(geometry.tail_padded(), params)},
          {"total_shares", std::to_string(params.n)}};
}

bool is_key_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
}

Result<std::string_view> take_key(ByteView& rest) {
  const std::string_view text = text_of(rest);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0)
    return fail(Errc::malformed, "URI extension: a field without a key");
  const std::string_view key = text.substr(0, colon);
  if (!std::ranges::all_of(key, is_key_character)) return fail(Errc::malformed, "URI extension: a bad key");
  rest = rest.subspan(colon + 1);
  return key;
}

/// Digits, colon, so many bytes, comma.
Result<ByteView> take_netstring(ByteView& rest) {
  std::size_t length = 0;
  std::size_t digits = 0;
  while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') {
    if (digits == 5) return fail(Errc::malformed, "URI extension: a value too long");
    length = length * 10 + (rest[digits++] - std::size_t{'0'});
  }
  if (digits == 0 || digits >= rest.size() || rest[digits] != ':' || (digits > 1 && rest[0] == '0')) {
    return fail(Errc::malformed, "URI extension: a bad length");
  }
  rest = rest.subspan(digits + 1);
  if (length >= rest.size() || rest[length] != ',')
    return fail(Errc::malformed, "URI extension: a value that ends badly");
  const ByteView value = rest.first(length);
  rest = rest.subspan(length + 1);
  return value;
}

Result<Hash> hash_field(const UriExtension& extension, std::string_view key) {
  const auto it = extension.fields.find(key);
  if (it == extension.fields.end()) return fail(Errc::malformed, "URI extension without " + std::string(key));
  if (it->second.size() != Hash::kSize)
    return fail(Errc::malformed, "URI extension: " + std::string(key) + " is not a hash");
  return Hash::from(it->second);
}

Result<std::uint64_t> number_field(const UriExtension& extension, std::string_view key) {
  const auto it = extension.fields.find(key);
  if (it == extension.fields.end()) return fail(Errc::malformed, "URI extension without " + std::string(key));
  std::uint64_t value = 0;
  if (it->second.empty() || it->second.size() > 18) return fail(Errc::malformed, "URI extension: a bad number");
  for (std::uint8_t c : it->second) {
    if (c < '0' || c > '9') return fail(Errc::malformed, "URI extension: a bad number");
    value = value * 10 + (c - std::uint64_t{'0'});
  }
  return value;
}

}  // namespace

Bytes encode_uri_extension(const Geometry& geometry, const UriExtensionHashes& hashes) {
  std::map<std::string, Bytes> fields;
  for (const auto& [key, value] : derived_fields(geometry)) fields[key] = to_bytes(value);
  fields["crypttext_hash"] = to_bytes(hashes.crypttext_hash.view());
  fields["crypttext_root_hash"] = to_bytes(hashes.crypttext_root.view());
  fields["share_root_hash"] = to_bytes(hashes.share_root.view());
  Bytes out;
  for (const auto& [key, value] : fields) {
    append(out, key + ":");
    append_netstring(out, value);
  }
  return out;
}

std::size_t uri_extension_bytes(const Geometry& geometry) {
  return encode_uri_extension(geometry, {}).size();
}

Hash uri_extension_hash(ByteView bytes) {
  return crypto::tagged_hash(crypto::kTagUriExtension, bytes);
}

Result<UriExtension> parse_uri_extension(ByteView bytes, unsigned k) {
  if (bytes.size() > kUriExtensionBytesMax) return fail(Errc::malformed, "URI extension of 2000 bytes or more");
  UriExtension out;
  for (ByteView rest = bytes; !rest.empty();) {
    HF_TRY(const std::string_view key, take_key(rest));
    HF_TRY(const ByteView value, take_netstring(rest));
    if (!out.fields.emplace(key, to_bytes(value)).second) return fail(Errc::malformed, "URI extension: a key twice");
  }
  HF_TRY(out.crypttext_root, hash_field(out, "crypttext_root_hash"));
  HF_TRY(out.share_root, hash_field(out, "share_root_hash"));
  HF_TRY(out.segment_size, number_field(out, "segment_size"));
  if (out.segment_size == 0 || out.segment_size % k != 0) {
    return fail(Errc::malformed, "URI extension: the segment size is not a multiple of k");
  }
  return out;
}

bool agrees_with_cap(const UriExtension& extension, std::uint64_t size, unsigned k, unsigned n) {
  const auto agrees = [&](std::string_view key, std::uint64_t value) {
    const auto it = extension.fields.find(key);
    return it == extension.fields.end() || text_of(it->second) == std::to_string(value);
  };
  return agrees("size", size) && agrees("needed_shares", k) && agrees("total_shares", n);
}

Result<void> check_redundant_fields(const UriExtension& extension, const Geometry& geometry) {
  for (const auto& [key, expected] : derived_fields(geometry)) {
    const auto it = extension.fields.find(key);
    if (it != extension.fields.end() && text_of(it->second) != expected) {
      return fail(Errc::corrupt, "URI extension: " + key + " contradicts the cap");
    }
  }
  const auto flat = extension.fields.find("crypttext_hash");
  if (flat != extension.fields.end() && flat->second.size() != Hash::kSize) {
    return fail(Errc::corrupt, "URI extension: crypttext_hash is not a hash");
  }
  return {};
}

}  // namespace holdfast::immutable
