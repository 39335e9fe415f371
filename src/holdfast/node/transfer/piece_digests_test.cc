#include "holdfast/node/transfer/piece_digests.h"

#include <gtest/gtest.h>

#include "holdfast/core/protocol/helper_messages.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

using protocol::kHelperPieceBytes;

/// As the page of the protocol has it.
std::vector<Hash> digests_of(ByteView bytes) {
  std::vector<Hash> out;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), kHelperPieceBytes)))
    out.push_back(crypto::sha256(bytes.first(std::min<std::size_t>(bytes.size(), kHelperPieceBytes))));
  return out;
}

TEST(PieceDigests, are_the_same_however_the_bytes_come) {
  for (const std::uint64_t size : {std::uint64_t{1}, kHelperPieceBytes - 1, kHelperPieceBytes, kHelperPieceBytes + 1,
                                   3 * kHelperPieceBytes, 3 * kHelperPieceBytes + 17}) {
    const Bytes content = test::SeededRandom(size).bytes(size);
    const std::vector<Hash> expected = digests_of(content);
    for (const std::size_t chunk : {std::size_t{65'521}, std::size_t{1'048'578}, std::size_t{10'000'000}}) {
      PieceDigests digests(size);
      for (std::size_t at = 0; at < size; at += chunk)
        digests.update(ByteView(content).subspan(at, std::min<std::size_t>(chunk, size - at)));
      ASSERT_EQ(digests.count(), expected.size());
      Bytes all;
      for (std::uint64_t piece = 0; piece < digests.count(); ++piece) {
        EXPECT_EQ(digests.digest(piece), expected[piece]) << size << " in chunks of " << chunk << ", piece " << piece;
        append(all, expected[piece].view());
      }
      EXPECT_EQ(digests.all(), crypto::sha256(all));
      EXPECT_EQ(digests.range(digests.count() - 1).end, size);
    }
  }
}

}  // namespace
}  // namespace holdfast::transfer
