#include "holdfast/core/protocol/announcement.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/sha1.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/placement/server_ring.h"
#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

using placement::permutation_seed;

const std::string kKeyId = "v0-" + base32_encode(test::counting_id<Hash>().view());

Nurl some_nurl() {
  return {.spki = test::counting_id<SpkiHash>(), .host = "host", .port = 8098, .swissnum = "swissnum"};
}

TEST(Announcement, of_a_bare_nurl_says_what_the_nurl_says) {
  const Announcement out = announcement_of(some_nurl());
  EXPECT_EQ(out.server_id, "nurl-AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  EXPECT_EQ(out.nurls, std::vector<Nurl>{some_nurl()});
  EXPECT_FALSE(out.tub_id) << "nobody announced one, so none can be compared with the certificate";
  EXPECT_FALSE(out.announced_seed);
  EXPECT_EQ(out.nickname, "");
}

TEST(Announcement, of_a_bare_nurl_names_the_key_and_not_the_place) {
  Nurl moved = some_nurl();
  moved.host = "elsewhere";
  moved.swissnum = "other";
  EXPECT_EQ(announcement_of(moved).server_id, announcement_of(some_nurl()).server_id);
  Nurl other = some_nurl();
  other.spki.bytes[31] ^= 1;
  EXPECT_NE(announcement_of(other).server_id, announcement_of(some_nurl()).server_id);
}

TEST(PermutationSeed, is_the_announced_one_before_all) {
  const Bytes twenty(20, 7);
  EXPECT_EQ(permutation_seed(kKeyId, twenty), twenty) << "a TubID, of servers older than node keys";
  EXPECT_EQ(permutation_seed("any text", Bytes(32, 8)), Bytes(32, 8));
}

TEST(PermutationSeed, is_the_key_inside_the_server_id) {
  EXPECT_EQ(permutation_seed(kKeyId, std::nullopt), to_bytes(test::counting_id<Hash>().view()));
}

TEST(PermutationSeed, is_the_hash_of_any_other_server_id) {
  const std::string almost[] = {"",
                                "any text",
                                announcement_of(some_nurl()).server_id,
                                "v0-",
                                kKeyId.substr(3),                     // no v0-
                                "v1-" + kKeyId.substr(3),             // another version
                                kKeyId.substr(0, kKeyId.size() - 1),  // 51 characters
                                kKeyId + "a",                         // 53
                                "v0-" + std::string(52, '1')};        // not base32
  for (const std::string& id : almost) {
    EXPECT_EQ(permutation_seed(id, std::nullopt), to_bytes(crypto::sha256(view_of(id)).view())) << id;
  }
}

TEST(PermutationSeed, follows_the_storage_index_into_a_plain_sha1) {
  Bytes input = to_bytes(test::counting_id<StorageIndex>().view());
  append(input, permutation_seed(kKeyId, std::nullopt));
  EXPECT_EQ(to_hex(crypto::sha1(input).view()), "17d7295ca9213d1a2d7d16a65a84108e9805656c");
}

}  // namespace
}  // namespace holdfast::protocol
