// Hashing several things at once: the same digests as one after another, in less time.
#pragma once

#include <span>
#include <string_view>

#include "holdfast/core/crypto/tagged_hash.h"

namespace holdfast::crypto {

/// What a hasher takes in next.
struct Feed {
  TaggedHasher* hasher;
  ByteView bytes;
};

/// As `update` of each; no hasher is named twice. Lengths may differ.
void update_each(std::span<const Feed> feeds);

/// out[i] = tagged_hash(tag, values[i]). The values have one length; as many lanes as the CPU has are used.
void tagged_hash_many(std::string_view tag, std::span<const ByteView> values, std::span<Hash> out);

}  // namespace holdfast::crypto
