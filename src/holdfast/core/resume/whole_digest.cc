#include "holdfast/core/resume/whole_digest.h"

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"

namespace holdfast::resume {
namespace {

constexpr std::size_t kWords = 8;

}  // namespace

WholeDigest::WholeDigest(const Hash& state, std::uint64_t size, ByteView tail) : size_(size) {
  HF_CHECK(tail.size() == size % kBlockBytes);
  for (std::size_t i = 0; i < kWords; ++i)
    running_.state_words()[i] = static_cast<std::uint32_t>(load_be(state.view(), 4 * i, 4));
  running_.count_blocks(size / kBlockBytes);
  running_.update(tail);
}

void WholeDigest::update(ByteView bytes) {
  running_.update(bytes);
  size_ += bytes.size();
}

Hash WholeDigest::state() const {
  crypto::Sha256 copy = running_;
  Bytes words;
  for (std::size_t i = 0; i < kWords; ++i) append_be(words, 4, copy.state_words()[i]);
  return Hash::from(words);
}

Hash WholeDigest::digest() const {
  crypto::Sha256 copy = running_;
  return copy.finish();
}

}  // namespace holdfast::resume
