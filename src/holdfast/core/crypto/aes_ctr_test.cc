#include "holdfast/core/crypto/aes_ctr.h"

#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/crypto/system_random.h"
#include "support/vectors.h"

namespace holdfast::crypto {
namespace {

Bytes key_stream(ByteView key, std::uint64_t offset, std::size_t length) {
  Bytes bytes(length);
  AesCtr(key, offset).apply(bytes, bytes);
  return bytes;
}

TEST(AesCtr, gives_the_key_stream_of_the_vectors_at_every_offset) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "aes_ctr")) {
    const Bytes stream =
        key_stream(test::hex_field(each, "key_hex"), test::number(each, "offset"), test::number(each, "zeros"));
    EXPECT_EQ(to_hex(stream), test::text(each, "keystream_hex"));
  }
}

TEST(AesCtr, does_not_care_where_it_starts_and_how_the_input_is_cut) {
  const Bytes key(16, 0x5a);
  const Bytes whole = key_stream(key, 0, 5000);
  std::mt19937 random(5);
  for (int round = 0; round < 100; ++round) {
    std::size_t at = random() % 4000;
    AesCtr cipher(key, at);
    for (int piece = 0; piece < 5; ++piece) {
      Bytes in(random() % 200);
      Bytes out(in.size());
      cipher.apply(in, out);
      EXPECT_TRUE(equal(out, ByteView(whole).subspan(at, out.size())));
      at += out.size();
    }
  }
}

TEST(AesCtr, goes_to_another_place_without_a_new_key) {
  const Bytes key(16, 0x77);
  const Bytes whole = key_stream(key, 0, 1000);
  AesCtr cipher(key, 3);
  for (std::size_t at : {0u, 1u, 15u, 16u, 17u, 500u, 31u}) {
    cipher.seek(at);
    Bytes out(100);
    cipher.apply(out, out);
    EXPECT_TRUE(equal(out, ByteView(whole).subspan(at, 100))) << at;
  }
}

TEST(AesCtr, decrypts_what_it_encrypted_in_place_or_apart) {
  const Bytes key(16, 1);
  const Bytes plain = to_bytes("the same key stream in both directions");
  Bytes cipher_text(plain.size());
  AesCtr(key, 7).apply(plain, cipher_text);
  EXPECT_NE(cipher_text, plain);
  AesCtr cipher(key, 0);
  cipher = AesCtr(key, 7);
  cipher.apply(cipher_text, cipher_text);
  EXPECT_EQ(cipher_text, plain);
}

TEST(AesCtr, counts_in_64_bits_of_offset) {
  const Bytes key(16, 9);
  const std::uint64_t far = (std::uint64_t{1} << 40) + 5;
  const Bytes a = key_stream(key, far, 64);
  const Bytes b = key_stream(key, far + 20, 44);
  EXPECT_TRUE(equal(ByteView(a).subspan(20), b));
  EXPECT_NE(a, key_stream(key, 5, 64));
}

TEST(SystemRandom, fills_all_bytes_and_never_the_same_twice) {
  SystemRandom random;
  const Bytes a = random.bytes(64);
  EXPECT_NE(a, random.bytes(64));
  EXPECT_NE(Bytes(a.begin() + 32, a.end()), Bytes(32));
  EXPECT_LT(random.below(10), 10u);
  random.fill({});
}

}  // namespace
}  // namespace holdfast::crypto
