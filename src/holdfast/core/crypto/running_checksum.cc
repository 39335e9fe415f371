#include "holdfast/core/crypto/running_checksum.h"

#include <openssl/evp.h>

#include <array>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"

namespace holdfast::crypto {
namespace {

class EvpChecksum final : public RunningChecksum {
 public:
  explicit EvpChecksum(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    HF_CHECK(context_ != nullptr && EVP_DigestInit_ex(context_.get(), kind, nullptr) == 1);
  }
  void update(ByteView bytes) override { HF_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1); }
  Bytes finish() override {
    Bytes out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    HF_CHECK(EVP_DigestFinal_ex(context_.get(), out.data(), &size) == 1);
    out.resize(size);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

Bytes four_bytes(std::uint32_t value) {
  Bytes out;
  append_be(out, 4, value);
  return out;
}

class Crc32c final : public RunningChecksum {
 public:
  void update(ByteView bytes) override { value_ = crc32c(bytes, value_); }
  Bytes finish() override { return four_bytes(value_); }

 private:
  std::uint32_t value_ = 0;
};

/// The CRC of zip and Ethernet (reflected polynomial 0xEDB88320), a byte at a time.
class Crc32 final : public RunningChecksum {
 public:
  void update(ByteView bytes) override {
    static const std::array<std::uint32_t, 256> table = make_table();
    for (const std::uint8_t byte : bytes) value_ = table[(value_ ^ byte) & 0xffU] ^ (value_ >> 8U);
  }
  Bytes finish() override { return four_bytes(~value_); }

 private:
  static std::array<std::uint32_t, 256> make_table() {
    std::array<std::uint32_t, 256> out{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
      out[i] = value;
    }
    return out;
  }
  std::uint32_t value_ = ~std::uint32_t{0};
};

}  // namespace

std::unique_ptr<RunningChecksum> make_running_checksum(std::string_view algorithm) {
  if (algorithm == "sha1") return std::make_unique<EvpChecksum>(EVP_sha1());
  if (algorithm == "sha256") return std::make_unique<EvpChecksum>(EVP_sha256());
  if (algorithm == "sha512") return std::make_unique<EvpChecksum>(EVP_sha512());
  if (algorithm == "md5") return std::make_unique<EvpChecksum>(EVP_md5());
  if (algorithm == "crc32") return std::make_unique<Crc32>();
  if (algorithm == "crc32c") return std::make_unique<Crc32c>();
  return nullptr;
}

}  // namespace holdfast::crypto
