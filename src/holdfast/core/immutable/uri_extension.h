// The URI extension block (UEB): a small dictionary in each share, bound by the cap (specs of immutable files, 9).
#pragma once

#include <map>
#include <string>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/immutable/geometry.h"

namespace holdfast::immutable {

inline constexpr std::size_t kUriExtensionBytesMax = 1999;

struct UriExtensionHashes {
  Hash crypttext_hash, crypttext_root, share_root;
};

/// The eleven keys, sorted, byte for byte as the reference writes them.
Bytes encode_uri_extension(const Geometry& geometry, const UriExtensionHashes& hashes);
/// Its length depends on the parameters only.
std::size_t uri_extension_bytes(const Geometry& geometry);
Hash uri_extension_hash(ByteView bytes);

/// Parsed: the required fields as values, all of them as text.
struct UriExtension {
  std::uint64_t segment_size = 0;
  Hash crypttext_root, share_root;
  std::map<std::string, Bytes, std::less<>> fields;
};

/// Errors: malformed for anything but well-formed unique fields with the three required ones usable for k shares.
Result<UriExtension> parse_uri_extension(ByteView bytes, unsigned k);

/// Does the block, which the cap binds, say the same of size, k and n as the cap, as far as it says anything?
bool agrees_with_cap(const UriExtension& extension, std::uint64_t size, unsigned k, unsigned n);

/// For verifiers: each redundant field that is there must be what the geometry says. Errors: corrupt.
Result<void> check_redundant_fields(const UriExtension& extension, const Geometry& geometry);

}  // namespace holdfast::immutable
