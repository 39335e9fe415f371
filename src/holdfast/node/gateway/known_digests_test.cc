#include "holdfast/node/gateway/known_digests.h"

#include <gtest/gtest.h>

#include "holdfast/core/crypto/sha256.h"

namespace holdfast::gateway {
namespace {

Hash hash(std::uint8_t number) {
  return crypto::sha256(Bytes(1, number));
}

TEST(KnownDigests, forget_the_oldest_file_when_there_are_too_many) {
  KnownDigests known(3);
  for (std::uint8_t i = 0; i < 5; ++i) {
    known.add(hash(i), hash(100 + i));
    known.add(hash(i), hash(100 + i));  // once more is no other file
    EXPECT_EQ(known.of(hash(i)), hash(100 + i));
    EXPECT_EQ(known.of(hash(i + 1)), std::nullopt);
  }
  EXPECT_EQ(known.of(hash(1)), std::nullopt);
  EXPECT_EQ(known.of(hash(2)), hash(102));
}

}  // namespace
}  // namespace holdfast::gateway
