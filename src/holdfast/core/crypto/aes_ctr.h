// AES-128 in CTR mode with a zero initial counter, from any offset (specs of immutable files, 5.4).
#pragma once

#include <cstdint>
#include <memory>

#include "holdfast/core/base/bytes.h"

struct evp_cipher_ctx_st;

namespace holdfast::crypto {

/// One position in one key stream; encryption and decryption are the same. Fast from some KiB per call on.
class AesCtr {
 public:
  /// key16 has 16 bytes; offset is the position in the stream of the first byte that apply will see.
  AesCtr(ByteView key16, std::uint64_t offset);
  AesCtr(AesCtr&&) noexcept;
  AesCtr& operator=(AesCtr&&) noexcept;
  ~AesCtr();

  /// out has the length of in, and is either the same memory or apart from it. Moves the position on.
  void apply(ByteView in, MutableByteView out);
  /// Goes to another position, without a new key schedule.
  void seek(std::uint64_t offset);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace holdfast::crypto
