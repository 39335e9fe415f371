#include "holdfast/core/resume/whole_digest.h"

#include <gtest/gtest.h>

#include "support/seeded_random.h"

namespace holdfast::resume {
namespace {

TEST(WholeDigest, GoesOnFromItsStateAtEveryOffset) {
  test::SeededRandom random(1);
  const Bytes content = random.bytes(300);
  const Hash whole = crypto::sha256(content);
  for (std::size_t cut = 0; cut <= content.size(); ++cut) {
    WholeDigest first;
    first.update(ByteView(content).first(cut));
    EXPECT_EQ(first.digest(), crypto::sha256(ByteView(content).first(cut)));
    const std::size_t block = cut / WholeDigest::kBlockBytes * WholeDigest::kBlockBytes;
    WholeDigest second(first.state(), cut, ByteView(content).subspan(block, cut - block));
    second.update(ByteView(content).subspan(cut));
    EXPECT_EQ(second.size(), content.size());
    EXPECT_EQ(second.digest(), whole) << cut;
  }
}

TEST(WholeDigest, CountsBeyondFourGibibytes) {
  // The length goes into the digest: a restored state must count on from the right place.
  WholeDigest at(crypto::sha256({}), (std::uint64_t{1} << 33U) + 5, to_bytes("abcde"));
  WholeDigest other(crypto::sha256({}), 5, to_bytes("abcde"));
  EXPECT_EQ(at.state(), other.state());
  EXPECT_NE(at.digest(), other.digest());
}

}  // namespace
}  // namespace holdfast::resume
