// Hashing several things at once: the same digests as one after another, in less time.
#pragma once

#include <span>
#include <string_view>

#include "holdfast/core/crypto/tagged_hash.h"

namespace holdfast::crypto {

/// Both hashers take the same bytes in, interleaved.
void update_both(TaggedHasher& a, TaggedHasher& b, ByteView bytes);

/// out[i] = tagged_hash(tag, values[i]). The values have one length; as many lanes as the CPU has are used.
void tagged_hash_many(std::string_view tag, std::span<const ByteView> values, std::span<Hash> out);

}  // namespace holdfast::crypto
