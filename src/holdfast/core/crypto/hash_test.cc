// All digests and tagged hashes.
#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/base/netstring.h"
#include "holdfast/core/crypto/blake2b.h"
#include "holdfast/core/crypto/crc32c.h"
#include "holdfast/core/crypto/sha1.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "support/vectors.h"

namespace holdfast::crypto {
namespace {

std::string hex(const Hash& hash) {
  return to_hex(hash.view());
}

TEST(Sha256, gives_the_published_digests) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(view_of("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(Bytes(1'000'000, 'a'))), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, does_not_care_how_the_input_is_cut) {
  std::mt19937 random(3);
  Bytes bytes(1000);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (int round = 0; round < 50; ++round) {
    Sha256 hasher;
    for (ByteView rest = bytes; !rest.empty();) {
      const std::size_t now = std::min<std::size_t>(rest.size(), random() % 130);
      hasher.update(rest.first(now));
      rest = rest.subspan(now);
    }
    EXPECT_EQ(hasher.finish(), sha256(bytes));
  }
}

TEST(Sha256, starts_anew_after_finish_and_continues_in_copies) {
  Sha256 a;
  a.update(view_of("ab"));
  Sha256 b = a;
  a.update(view_of("c"));
  b.update(view_of("x"));
  EXPECT_EQ(a.finish(), sha256(view_of("abc")));
  EXPECT_EQ(b.finish(), sha256(view_of("abx")));
  EXPECT_EQ(a.finish(), sha256({}));
  a.update(view_of("abc"));
  EXPECT_EQ(a.finish_double(), sha256d(view_of("abc")));
}

TEST(TaggedHash, gives_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!primitives || !derivations) GTEST_SKIP() << test::kNoVectors;
  const auto check = [](ByteView tag, const Bytes& value, const Bytes& expected) {
    TaggedHasher hasher(tag);
    for (std::uint8_t byte : value) hasher.update({&byte, 1});
    const Hash hash = hasher.finish();
    EXPECT_EQ(hash, tagged_hash(tag, value));
    EXPECT_EQ(to_hex(hash.view().first(expected.size())), to_hex(expected));
  };
  for (const auto& each : test::list(*primitives, "tagged")) {
    const Bytes expected = test::hex_field(each, "hash_hex");
    EXPECT_EQ(expected.size(), test::number(each, "truncate_to"));
    check(view_of(test::text(each, "tag")), test::hex_field(each, "value_hex"), expected);
  }
  for (const auto& each : test::list(*derivations, "tagged_hash")) {
    check(test::hex_field(each, "tag_hex"), test::hex_field(each, "value_hex"), test::hex_field(each, "out_hex"));
  }
}

TEST(TaggedHash, has_the_tags_of_real_nodes) {
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!derivations) GTEST_SKIP() << test::kNoVectors;
  const auto& hashes = derivations->at("hashes");
  const Bytes input = test::hex_field(hashes, "input_hex");
  EXPECT_EQ(hex(tagged_hash(kTagBlock, input)), test::text(hashes, "block_hash_hex"));
  EXPECT_EQ(hex(tagged_hash(kTagUriExtension, input)), test::text(hashes, "uri_extension_hash_hex"));
  EXPECT_EQ(hex(tagged_hash(kTagCrypttext, input)), test::text(hashes, "crypttext_hash_hex"));
  EXPECT_EQ(hex(tagged_hash(kTagSegment, input)), test::text(hashes, "crypttext_segment_hash_hex"));
}

TEST(PairHash, gives_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!primitives || !derivations) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "tagged_pair")) {
    const Bytes left = test::hex_field(each, "left_hex");
    const Bytes right = test::hex_field(each, "right_hex");
    const std::string tag = test::text(each, "tag");
    EXPECT_EQ(hex(pair_hash(tag, left, right)), test::text(each, "hash_hex"));
    EXPECT_EQ(hex(HashPairHasher(tag)(Hash::from(left), Hash::from(right))), test::text(each, "hash_hex"));
  }
  for (const auto& each : test::list(*derivations, "tagged_pair_hash")) {
    const Bytes tag = test::hex_field(each, "tag_hex");
    EXPECT_EQ(hex(pair_hash(text_of(tag), test::hex_field(each, "a_hex"), test::hex_field(each, "b_hex"))),
              test::text(each, "out_hex"));
  }
}

TEST(PairHash, is_the_same_with_the_prepared_message_for_tags_of_all_lengths) {
  const Hash a = sha256(view_of("a"));
  const Hash b = sha256(view_of("b"));
  for (std::size_t length = 0; length <= 100; ++length) {
    const std::string tag(length, 't');
    const HashPairHasher hasher(tag);
    EXPECT_EQ(hasher(a, b), pair_hash(tag, a.view(), b.view())) << length;
    EXPECT_EQ(hasher(b, a), pair_hash(tag, b.view(), a.view())) << length;
  }
}

TEST(TaggedHasher, starts_anew_behind_its_tag) {
  TaggedHasher hasher(kTagBlock);
  hasher.update(view_of("one"));
  EXPECT_EQ(hasher.finish(), tagged_hash(kTagBlock, view_of("one")));
  EXPECT_EQ(hasher.finish(), tagged_hash(kTagBlock, {}));
  hasher.update(view_of("t"));
  TaggedHasher copy = hasher;
  hasher.update(view_of("wo"));
  EXPECT_EQ(hasher.finish(), tagged_hash(kTagBlock, view_of("two")));
  EXPECT_EQ(copy.finish(), tagged_hash(kTagBlock, view_of("t")));
}

TEST(Sha1, gives_the_published_digest) {
  EXPECT_EQ(to_hex(sha1(view_of("abc")).view()), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1({}).view()), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Blake2b, hashes_lease_secrets_as_real_servers_store_them) {
  const Bytes renew = test::from_hex("0d17d06081772a34cdde29c6d28cab603af36362ed2bb1edd35836d567aa5771");
  EXPECT_EQ(hex(blake2b_256(renew)), "fdcb538bbd95ecd73424d9c20c954159fbbe074894ec37429e7234a10cc5f7ae");
  EXPECT_EQ(hex(blake2b_256({})), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
}

TEST(Crc32c, gives_the_published_values) {
  EXPECT_EQ(crc32c(view_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(Bytes(32, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43u);
}

TEST(Crc32c, continues_from_any_cut) {
  Bytes bytes(100);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 37);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const ByteView all = bytes;
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all));
  }
}

}  // namespace
}  // namespace holdfast::crypto
