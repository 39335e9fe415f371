#include "holdfast/core/erasure/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/erasure/matrix.h"
#include "support/vectors.h"

namespace holdfast::erasure {
namespace {

using Blocks = std::vector<Bytes>;

std::vector<const std::uint8_t*> pointers(const Blocks& blocks) {
  std::vector<const std::uint8_t*> out;
  for (const Bytes& block : blocks) out.push_back(block.data());
  return out;
}

std::vector<std::uint8_t*> pointers(Blocks& blocks) {
  std::vector<std::uint8_t*> out;
  for (Bytes& block : blocks) out.push_back(block.data());
  return out;
}

Blocks random_blocks(std::mt19937& random, std::size_t count, std::size_t block_bytes) {
  Blocks out(count, Bytes(block_bytes));
  for (Bytes& block : out) {
    for (auto& byte : block) byte = static_cast<std::uint8_t>(random());
  }
  return out;
}

// All n blocks.
Blocks encode(const Codec& codec, const Blocks& primary) {
  Blocks check(codec.n() - codec.k(), Bytes(primary[0].size()));
  codec.encode(pointers(primary), pointers(check), primary[0].size());
  Blocks all = primary;
  all.insert(all.end(), check.begin(), check.end());
  return all;
}

Blocks decode(const Codec& codec, const Blocks& all, const std::vector<ShareNumber>& shares) {
  Blocks given;
  for (ShareNumber share : shares) given.push_back(all[share]);
  Blocks out(codec.k(), Bytes(all[0].size(), 0xee));
  const auto blocks = pointers(given);
  EXPECT_TRUE(codec.decode({.shares = shares, .blocks = blocks}, pointers(out), all[0].size()));
  return out;
}

std::vector<ShareNumber> random_shares(std::mt19937& random, std::size_t k, std::size_t n) {
  std::vector<ShareNumber> out(n);
  std::iota(out.begin(), out.end(), ShareNumber{0});
  std::ranges::shuffle(out, random);
  out.resize(k);
  return out;
}

// The ten-line model, multiplying bit by bit.
std::uint8_t multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1, a = a << 1 ^ (a & 0x80 ? 0x11du : 0u)) product ^= b & 1 ? a : 0;
  return static_cast<std::uint8_t>(product);
}

Bytes model_row(ByteView row, const Blocks& primary) {
  Bytes out(primary[0].size());
  for (std::size_t j = 0; j < primary.size(); ++j) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = out[i] ^ multiply(row[j], primary[j][i]);
  }
  return out;
}

TEST(Matrix, is_that_of_zfec) {
  const auto vectors = test::load_vectors("zfec-matrices.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  const auto& matrices = test::list(*vectors, "matrices");
  EXPECT_EQ(matrices.size(), 13u);
  for (const auto& each : matrices) {
    const std::size_t k = test::number(each, "k");
    const std::size_t n = test::number(each, "n");
    const Bytes matrix = encoding_matrix(k, n);
    EXPECT_EQ(to_hex(crypto::sha256(matrix).view()), test::text(each, "sha256_row_major")) << k << " of " << n;
    EXPECT_EQ(to_hex(crypto::sha256(ByteView(matrix).subspan(k * k)).view()),
              test::text(each, "sha256_check_rows_only"));
    EXPECT_EQ(to_hex(ByteView(matrix).last(k)), test::text(each, "last_row_hex"));
  }
}

TEST(Matrix, has_the_rows_of_the_specification) {
  EXPECT_EQ(encoding_matrix(2, 3), (Bytes{1, 0, 0, 1, 3, 2}));
  const Bytes three = encoding_matrix(3, 10);
  EXPECT_EQ(Bytes(three.begin() + 9, three.end()),
            (Bytes{15, 8, 6, 45, 48, 28, 153, 224, 120, 11, 231, 237, 137, 59, 179, 70, 241, 182, 186, 217, 98}));
}

TEST(Matrix, does_not_depend_on_n) {
  for (std::size_t k : {1u, 4u, 17u, 100u}) {
    const Bytes large = encoding_matrix(k, 256);
    for (std::size_t n : {k, k + 1, k + 20}) {
      const Bytes small = encoding_matrix(k, n);
      EXPECT_TRUE(equal(small, ByteView(large).first(small.size())));
    }
  }
}

TEST(Codec, encodes_and_decodes_the_vectors) {
  const auto vectors = test::load_vectors("zfec-matrices.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "encodings")) {
    const Codec codec = Codec::create(test::number(each, "k"), test::number(each, "n")).value();
    Blocks primary;
    for (const auto& block : test::list(each, "primary_hex")) primary.push_back(test::from_hex(block.as_string()));
    Blocks expected;
    for (const auto& block : test::list(each, "blocks_hex")) expected.push_back(test::from_hex(block.as_string()));
    EXPECT_EQ(encode(codec, primary), expected);
    std::vector<ShareNumber> from;
    for (const auto& share : test::list(each, "decode_from")) from.push_back(share.to_number<ShareNumber>());
    EXPECT_EQ(decode(codec, expected, from), primary);
  }
}

TEST(Codec, agrees_with_the_scalar_model_for_all_block_lengths) {
  std::mt19937 random(11);
  const Codec codec = Codec::create(3, 10).value();
  const Bytes matrix = encoding_matrix(3, 10);
  for (std::size_t block_bytes = 1; block_bytes < 300; ++block_bytes) {
    const Blocks primary = random_blocks(random, 3, block_bytes);
    const Blocks all = encode(codec, primary);
    for (std::size_t r = 3; r < 10; ++r) {
      ASSERT_EQ(all[r], model_row(ByteView(matrix).subspan(3 * r, 3), primary)) << r << ", " << block_bytes << " bytes";
    }
  }
}

TEST(Codec, agrees_with_the_scalar_model_for_many_k_and_n) {
  std::mt19937 random(12);
  const std::size_t pairs[][2] = {{1, 1},     {1, 256},   {2, 3},     {7, 10},    {16, 40}, {71, 255},
                                  {101, 256}, {128, 256}, {255, 256}, {256, 256}, {20, 20}};
  for (const auto& [k, n] : pairs) {
    const Codec codec = Codec::create(k, n).value();
    const Bytes matrix = encoding_matrix(k, n);
    const Blocks primary = random_blocks(random, k, 65);
    const Blocks all = encode(codec, primary);
    ASSERT_EQ(all.size(), n);
    for (std::size_t r = 0; r < n; ++r) {
      ASSERT_EQ(all[r], model_row(ByteView(matrix).subspan(k * r, k), primary)) << k << " of " << n << ", row " << r;
    }
    for (int round = 0; round < 5; ++round) {
      ASSERT_EQ(decode(codec, all, random_shares(random, k, n)), primary) << k << " of " << n;
    }
  }
}

TEST(Codec, decodes_every_subset_in_every_order_of_a_small_code) {
  std::mt19937 random(13);
  const Codec codec = Codec::create(3, 6).value();
  const Blocks primary = random_blocks(random, 3, 40);
  const Blocks all = encode(codec, primary);
  for (ShareNumber a = 0; a < 6; ++a) {
    for (ShareNumber b = 0; b < 6; ++b) {
      for (ShareNumber c = 0; c < 6; ++c) {
        if (a == b || b == c || a == c) continue;
        ASSERT_EQ(decode(codec, all, {a, b, c}), primary);
      }
    }
  }
}

TEST(Codec, leaves_given_primary_blocks_in_place) {
  std::mt19937 random(14);
  const Codec codec = Codec::create(2, 4).value();
  const Blocks primary = random_blocks(random, 2, 100);
  const Blocks all = encode(codec, primary);
  Blocks out{Bytes(100), all[1]};
  const std::vector<ShareNumber> shares{3, 1};
  const std::vector<const std::uint8_t*> blocks{all[3].data(), out[1].data()};
  ASSERT_TRUE(codec.decode({.shares = shares, .blocks = blocks}, pointers(out), 100));
  EXPECT_EQ(out, primary);
}

TEST(Codec, makes_any_blocks_from_any_k_without_the_primary_ones) {
  std::mt19937 random(15);
  const Codec codec = Codec::create(4, 12).value();
  const Blocks all = encode(codec, random_blocks(random, 4, 77));
  const std::vector<ShareNumber> wanted{0, 11, 4, 9, 2};
  for (int round = 0; round < 50; ++round) {
    const auto plan = codec.plan_convert(random_shares(random, 4, 12), wanted);
    ASSERT_TRUE(plan);
    Blocks given;
    for (ShareNumber share : plan->given()) given.push_back(all[share]);
    Blocks out(wanted.size(), Bytes(77));
    plan->run(pointers(given), pointers(out), 77);
    for (std::size_t i = 0; i < wanted.size(); ++i) ASSERT_EQ(out[i], all[wanted[i]]);
  }
}

TEST(Codec, encodes_chosen_blocks_alone) {
  std::mt19937 random(16);
  const Codec codec = Codec::create(3, 10).value();
  const Blocks primary = random_blocks(random, 3, 500);
  const Blocks all = encode(codec, primary);
  const std::vector<ShareNumber> wanted{8, 1, 5};
  const auto plan = codec.plan_encode(wanted);
  ASSERT_TRUE(plan);
  Blocks out(3, Bytes(500));
  plan->run(pointers(primary), pointers(out), 500);
  EXPECT_EQ(out, (Blocks{all[8], all[1], all[5]}));
}

TEST(Codec, has_nothing_to_compute_when_all_primary_blocks_are_there) {
  const Codec codec = Codec::create(3, 10).value();
  const auto plan = codec.plan_decode(std::vector<ShareNumber>{2, 0, 1});
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->wanted().empty());
  const auto other = codec.plan_decode(std::vector<ShareNumber>{9, 1, 3});
  EXPECT_EQ(other->wanted(), (std::vector<ShareNumber>{0, 2}));
}

TEST(Codec, refuses_impossible_parameters) {
  for (const auto& [k, n] : {std::pair{0, 0}, {0, 1}, {2, 1}, {1, 257}, {257, 257}}) {
    const auto codec = Codec::create(static_cast<std::size_t>(k), static_cast<std::size_t>(n));
    ASSERT_FALSE(codec) << k << " of " << n;
    EXPECT_EQ(codec.error().code, Errc::malformed);
  }
}

TEST(Codec, refuses_wrong_shares) {
  const Codec codec = Codec::create(2, 4).value();
  const auto error = [&](const std::vector<ShareNumber>& given) { return codec.plan_decode(given).error().code; };
  EXPECT_EQ(error({1}), Errc::not_enough_shares);
  EXPECT_EQ(error({1, 2, 3}), Errc::not_enough_shares);
  EXPECT_EQ(error({1, 1}), Errc::malformed);
  EXPECT_EQ(error({1, 4}), Errc::malformed);
  EXPECT_EQ(error({65535, 0}), Errc::malformed);
  EXPECT_EQ(codec.plan_encode(std::vector<ShareNumber>{4}).error().code, Errc::malformed);
  EXPECT_EQ(codec.plan_convert(std::vector<ShareNumber>{0, 1}, std::vector<ShareNumber>{300}).error().code,
            Errc::malformed);
}

}  // namespace
}  // namespace holdfast::erasure
