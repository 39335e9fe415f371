// Digests of messages and representations (RFC 9530): Content-Digest, Repr-Digest, Want-Repr-Digest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "holdfast/core/base/bytes.h"

namespace holdfast::protocol {

/// The strongest digest of the field that we can check: "sha-256" or "sha-512" with its bytes. Others, and fields that are no
/// dictionary of byte sequences, say nothing.
struct FieldDigest {
  std::string algorithm;
  Bytes digest;
};
std::optional<FieldDigest> parse_digest_field(std::string_view field);
/// "sha-256=:...:".
std::string format_digest_field(ByteView sha256);
/// Does a Want-*-Digest field ask for sha-256? Weight 0 does not.
bool wants_sha256(std::string_view field);

}  // namespace holdfast::protocol
