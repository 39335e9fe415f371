#include "holdfast/core/crypto/aes_ctr.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"

namespace holdfast::crypto {
namespace {

constexpr std::size_t kBlockBytes = 16;
constexpr std::size_t kCallBytesMax = std::size_t{1} << 30;  // lengths are ints there

// Fetched once: a fetch walks OpenSSL's provider tables.
const EVP_CIPHER* aes_128_ctr() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-128-CTR", nullptr);
  HF_CHECK(cipher != nullptr);
  return cipher;
}

}  // namespace

AesCtr::AesCtr(ByteView key16, std::uint64_t offset) : context_(EVP_CIPHER_CTX_new()) {
  HF_CHECK(key16.size() == 16);
  HF_CHECK(context_ != nullptr);
  HF_CHECK(EVP_EncryptInit_ex2(context_.get(), aes_128_ctr(), key16.data(), nullptr, nullptr) == 1);
  seek(offset);
}

AesCtr::AesCtr(AesCtr&&) noexcept = default;
AesCtr& AesCtr::operator=(AesCtr&&) noexcept = default;
AesCtr::~AesCtr() = default;

void AesCtr::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

void AesCtr::seek(std::uint64_t offset) {
  std::array<std::uint8_t, kBlockBytes> counter{};
  store_be(counter, 8, 8, offset / kBlockBytes);
  HF_CHECK(EVP_EncryptInit_ex2(context_.get(), nullptr, nullptr, counter.data(), nullptr) == 1);
  std::array<std::uint8_t, kBlockBytes> skipped{};
  const MutableByteView skip = MutableByteView(skipped).first(offset % kBlockBytes);
  apply(skip, skip);
}

void AesCtr::apply(ByteView in, MutableByteView out) {
  HF_CHECK(in.size() == out.size());
  while (!in.empty()) {
    const std::size_t now = std::min(in.size(), kCallBytesMax);
    int written = 0;
    HF_CHECK(EVP_EncryptUpdate(context_.get(), out.data(), &written, in.data(), static_cast<int>(now)) == 1);
    HF_CHECK(static_cast<std::size_t>(written) == now);
    in = in.subspan(now);
    out = out.subspan(now);
  }
}

}  // namespace holdfast::crypto
