// Tagged hashes: SHA256d(netstring(tag) || value) (specs of immutable files, 2).
#pragma once

#include <array>
#include <string_view>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/crypto/sha256.h"

namespace holdfast::crypto {

/// A plain value: copies continue on their own.
class TaggedHasher {
 public:
  explicit TaggedHasher(std::string_view tag) : TaggedHasher(view_of(tag)) {}
  /// For tags that are bytes, such as a secret or a convergence tag.
  explicit TaggedHasher(ByteView tag);

  void update(ByteView bytes) { running_.update(bytes); }
  /// The hash of everything since the tag; the object starts anew behind the same tag.
  Hash finish();
  Sha256& running() { return running_; }  // for sha256_many

 private:
  Sha256 prefix_;
  Sha256 running_;
};

/// H(tag, value): the value is appended raw.
Hash tagged_hash(std::string_view tag, ByteView value);
Hash tagged_hash(ByteView tag, ByteView value);

/// H2(tag, a, b): both values are wrapped in netstrings.
Hash pair_hash(std::string_view tag, ByteView a, ByteView b);

/// pair_hash of two hashes under one tag, for trees: the message is laid out once, with its padding, and each
/// call costs three compressions and no more.
class HashPairHasher {
 public:
  explicit HashPairHasher(std::string_view tag);
  Hash operator()(const Hash& left, const Hash& right) const;

 private:
  static constexpr std::size_t kMessageBytesMax = 192;  // tags of up to 108 bytes

  std::array<std::uint8_t, kMessageBytesMax> message_{};
  std::size_t left_at_;
  std::size_t right_at_;
  std::size_t message_bytes_;  // padded, a multiple of 64
};

}  // namespace holdfast::crypto
