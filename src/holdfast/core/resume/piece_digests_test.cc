#include "holdfast/core/resume/piece_digests.h"

#include <gtest/gtest.h>

#include "support/seeded_random.h"

namespace holdfast::resume {
namespace {

Bytes random_bytes(std::size_t count, std::uint64_t seed) {
  Bytes out(count);
  test::SeededRandom random(seed);
  random.fill(out);
  return out;
}

std::vector<Hash> expected(ByteView bytes) {
  std::vector<Hash> out;
  for (std::size_t at = 0; at < bytes.size(); at += kPieceBytes)
    out.push_back(crypto::sha256(bytes.subspan(at, std::min<std::size_t>(kPieceBytes, bytes.size() - at))));
  return out;
}

std::vector<Hash> all(const PieceDigests& digests) {
  std::vector<Hash> out;
  for (std::uint64_t piece = 0; piece < digests.count(); ++piece) out.push_back(digests.at(piece).value());
  return out;
}

TEST(PieceDigests, are_the_same_however_the_bytes_come) {
  const Bytes bytes = random_bytes(2 * kPieceBytes + 12'345, 1);
  for (const std::size_t step : {std::size_t{1'000}, std::size_t{65'536}, std::size_t{kPieceBytes}, bytes.size()}) {
    PieceDigests digests;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      digests.update(ByteView(bytes).subspan(at, std::min(step, bytes.size() - at)));
    EXPECT_EQ(all(digests), expected(bytes)) << step;
  }
}

TEST(PieceDigests, of_what_was_there_before_are_unknown_until_it_is_read) {
  const Bytes bytes = random_bytes(2 * kPieceBytes + 500, 2);
  const std::size_t held = kPieceBytes + 300;
  PieceDigests digests(held);
  EXPECT_EQ(digests.count(), 2u);
  EXPECT_FALSE(digests.at(0).has_value());
  EXPECT_FALSE(digests.at(1).has_value());
  EXPECT_TRUE(digests.needs_tail());
  digests.set_tail(ByteView(bytes).subspan(kPieceBytes, 300));
  digests.update(ByteView(bytes).subspan(held));
  EXPECT_FALSE(digests.at(0).has_value());
  digests.set(0, ByteView(bytes).first(kPieceBytes));
  EXPECT_EQ(all(digests), expected(bytes));
}

TEST(PieceDigests, of_a_replaced_piece_are_new) {
  Bytes bytes = random_bytes(kPieceBytes + 700, 3);
  PieceDigests digests;
  digests.update(bytes);
  bytes[5] ^= 1;
  bytes[kPieceBytes + 5] ^= 1;
  digests.forget(0);
  digests.forget(1);
  EXPECT_FALSE(digests.at(0).has_value());
  EXPECT_TRUE(digests.needs_tail());
  digests.set(0, ByteView(bytes).first(kPieceBytes));
  digests.set(1, ByteView(bytes).subspan(kPieceBytes));
  EXPECT_EQ(all(digests), expected(bytes));
}

TEST(PieceDigests, nothing_has_none) {
  EXPECT_EQ(PieceDigests().count(), 0u);
  EXPECT_EQ(digest_of_pieces({}), crypto::sha256({}));
}

TEST(PieceDigests, of_what_nobody_shows_are_unknown_and_those_before_stay) {
  const Bytes bytes = random_bytes(3 * kPieceBytes + 90, 5);
  const auto from = [&](std::size_t begin, std::size_t end) { return ByteView(bytes).subspan(begin, end - begin); };
  PieceDigests digests;
  digests.update(from(0, kPieceBytes + 10));
  digests.pass_over(kPieceBytes);  // from within the second piece to within the third
  EXPECT_EQ(digests.size(), 2 * kPieceBytes + 10);
  EXPECT_EQ(digests.at(0), crypto::sha256(from(0, kPieceBytes)));
  EXPECT_FALSE(digests.at(1).has_value());
  EXPECT_FALSE(digests.at(2).has_value());
  EXPECT_TRUE(digests.needs_tail());
  digests.pass_over(kPieceBytes - 10);  // to the end of a piece
  EXPECT_FALSE(digests.needs_tail());
  digests.update(from(3 * kPieceBytes, bytes.size()));
  EXPECT_EQ(digests.at(3), crypto::sha256(from(3 * kPieceBytes, bytes.size())));
  digests.set(1, from(kPieceBytes, 2 * kPieceBytes));
  digests.set(2, from(2 * kPieceBytes, 3 * kPieceBytes));
  EXPECT_EQ(all(digests), expected(bytes));
}

}  // namespace
}  // namespace holdfast::resume
