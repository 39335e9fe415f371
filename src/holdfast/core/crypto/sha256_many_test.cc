#include "holdfast/core/crypto/sha256_many.h"

#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/crypto/sha256_kernels.h"

namespace holdfast::crypto {
namespace {

Bytes random_bytes(std::size_t size, std::mt19937_64& random) {
  Bytes out(size);
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

/// Each kind of CPU that this one can play.
class EveryCpu : public testing::TestWithParam<CpuFeatures> {
 protected:
  void SetUp() override { limit_cpu_features(GetParam()); }
  void TearDown() override { limit_cpu_features({true, true, true}); }
};
INSTANTIATE_TEST_SUITE_P(Kernels, EveryCpu,
                         testing::Values(CpuFeatures{false, false}, CpuFeatures{true, false}, CpuFeatures{false, true},
                                         CpuFeatures{true, true}, CpuFeatures{true, true, true}));

TEST_P(EveryCpu, many_hashes_are_those_of_one_after_another) {
  std::mt19937_64 random(1);
  for (std::size_t count : {0, 1, 2, 3, 9, 10, 15, 16, 17, 26, 33}) {
    for (std::size_t size : {0, 1, 29, 30, 63, 64, 65, 127, 128, 1000, 4096, 10'007}) {
      std::vector<Bytes> values;
      for (std::size_t i = 0; i < count; ++i) values.push_back(random_bytes(size, random));
      const std::vector<ByteView> views(values.begin(), values.end());
      std::vector<Hash> out(count);
      tagged_hash_many("a tag", views, out);
      for (std::size_t i = 0; i < count; ++i)
        EXPECT_EQ(out[i], tagged_hash("a tag", views[i])) << count << " of " << size;
    }
  }
}

TEST_P(EveryCpu, unaligned_values_with_long_tags_too) {
  std::mt19937_64 random(2);
  const Bytes bytes = random_bytes(20'000, random);
  const std::string tag(200, 't');
  std::vector<ByteView> views;
  for (std::size_t i = 0; i < 16; ++i) views.push_back(ByteView(bytes).subspan(i * 997 + 1, 3001));
  std::vector<Hash> out(views.size());
  tagged_hash_many(tag, views, out);
  for (std::size_t i = 0; i < views.size(); ++i) EXPECT_EQ(out[i], tagged_hash(tag, views[i]));
}

TEST_P(EveryCpu, hashers_take_their_bytes_in_side_by_side_whatever_they_had_before) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 400; ++round) {
    std::vector<TaggedHasher> hashers, plain;
    for (std::size_t i = random() % 6; i > 0; --i) hashers.emplace_back(std::string(i * 7, 't'));
    plain = hashers;
    for (int piece = 0; piece < 4; ++piece) {
      std::vector<Bytes> bytes;
      std::vector<Feed> feeds;
      for (std::size_t i = 0; i < hashers.size(); ++i) {
        bytes.push_back(random_bytes(random() % 3 == 0 ? 0 : random() % 700, random));
        plain[i].update(bytes[i]);
      }
      for (std::size_t i = 0; i < hashers.size(); ++i) feeds.push_back({&hashers[i], bytes[i]});
      update_each(feeds);
    }
    for (std::size_t i = 0; i < hashers.size(); ++i)
      EXPECT_EQ(hashers[i].finish(), plain[i].finish()) << round << " " << i;
  }
}

TEST(Sha256, counts_blocks_that_others_compressed_beyond_four_gigabits) {
  Sha256 hasher;
  hasher.count_blocks(std::size_t{1} << 30);  // 2^36 bytes: the low word of the length wraps
  Sha256 other;
  for (int i = 0; i < 64; ++i) other.count_blocks(std::size_t{1} << 24);
  EXPECT_EQ(hasher.finish(), other.finish());
}

}  // namespace
}  // namespace holdfast::crypto
