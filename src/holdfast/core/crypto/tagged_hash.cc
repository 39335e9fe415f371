#include "holdfast/core/crypto/tagged_hash.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/base/netstring.h"

// See sha256.h.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace holdfast::crypto {
namespace {

constexpr std::size_t kBlockBytes = 64;

void update_netstring(Sha256& hasher, ByteView value) {
  hasher.update(view_of(std::to_string(value.size()) + ":"));
  hasher.update(value);
  hasher.update(view_of(","));
}

// SHA-256 of a message that is already padded to whole blocks.
Hash sha256_of_padded(const std::uint8_t* blocks, std::size_t bytes) {
  SHA256_CTX state;
  SHA256_Init(&state);
  for (std::size_t at = 0; at < bytes; at += kBlockBytes) SHA256_Transform(&state, blocks + at);
  Hash out;
  for (std::size_t i = 0; i < 8; ++i) {
    const std::uint32_t word = __builtin_bswap32(state.h[i]);
    std::memcpy(out.bytes.data() + 4 * i, &word, 4);
  }
  return out;
}

}  // namespace

TaggedHasher::TaggedHasher(ByteView tag) {
  update_netstring(prefix_, tag);
  running_ = prefix_;
}

Hash TaggedHasher::finish() {
  const Hash out = running_.finish_double();
  running_ = prefix_;
  return out;
}

Hash tagged_hash(std::string_view tag, ByteView value) {
  return tagged_hash(view_of(tag), value);
}

Hash tagged_hash(ByteView tag, ByteView value) {
  Sha256 hasher;
  update_netstring(hasher, tag);
  hasher.update(value);
  return hasher.finish_double();
}

Hash pair_hash(std::string_view tag, ByteView a, ByteView b) {
  Sha256 hasher;
  update_netstring(hasher, view_of(tag));
  update_netstring(hasher, a);
  update_netstring(hasher, b);
  return hasher.finish_double();
}

HashPairHasher::HashPairHasher(std::string_view tag) {
  Bytes message = netstring(view_of(tag));
  append(message, "32:");
  left_at_ = message.size();
  message.resize(message.size() + Hash::kSize);
  append(message, ",32:");
  right_at_ = message.size();
  message.resize(message.size() + Hash::kSize);
  append(message, ",");
  const std::size_t bits = message.size() * 8;
  message.push_back(0x80);
  message_bytes_ = (message.size() + 8 + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
  HF_CHECK(message_bytes_ <= kMessageBytesMax);
  std::ranges::copy(message, message_.begin());
  store_be(message_, message_bytes_ - 8, 8, bits);
}

Hash HashPairHasher::operator()(const Hash& left, const Hash& right) const {
  alignas(16) std::array<std::uint8_t, kMessageBytesMax> message;
  std::memcpy(message.data(), message_.data(), message_bytes_);
  std::memcpy(message.data() + left_at_, left.bytes.data(), Hash::kSize);
  std::memcpy(message.data() + right_at_, right.bytes.data(), Hash::kSize);
  const Hash inner = sha256_of_padded(message.data(), message_bytes_);

  alignas(16) std::array<std::uint8_t, kBlockBytes> outer{};
  std::memcpy(outer.data(), inner.bytes.data(), Hash::kSize);
  outer[Hash::kSize] = 0x80;
  outer[kBlockBytes - 2] = 1;  // 256 bits
  return sha256_of_padded(outer.data(), kBlockBytes);
}

}  // namespace holdfast::crypto
