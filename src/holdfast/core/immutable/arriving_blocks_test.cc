#include "holdfast/core/immutable/arriving_blocks.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

constexpr std::uint64_t kMemory = 1'000'000;
constexpr ShareNumber kShare = 1;

class ArrivingBlocksTest : public testing::TestWithParam<unsigned> {
 protected:
  ArrivingBlocks fresh() const { return ArrivingBlocks::create(share_.size(), head(), kMemory).value(); }
  ByteView head() const { return test_kit::served(share_, {0, kHeaderBytesV2}); }
  ByteView at(Range range) const { return test_kit::served(share_, range); }
  Range block(SegmentNumber s) const { return layout_.block(s); }
  std::uint64_t count() const { return file_.geometry().num_segments(); }
  Hash right(SegmentNumber s) const { return crypto::tagged_hash(crypto::kTagBlock, at(block(s))); }
  void give(ArrivingBlocks& blocks, Range range) const { blocks.on_bytes(range.begin, at(range)); }

  /// The ranges that an audit reads from blocks.
  RangeSet read_back(ArrivingBlocks* known, const Bytes& share, bool passes = true) const {
    RangeSet out;
    const ShareBytesAt read = [&](std::uint64_t offset, MutableByteView to) -> Result<void> {
      std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
      if (const Range range{offset, offset + to.size()}; RangeSet{layout_.data()}.contains(range)) out.add(range);
      return {};
    };
    const AuditVerdict verdict = audit_share(share.size(), kShare, read, known).value();
    EXPECT_EQ(std::holds_alternative<AuditPassed>(verdict), passes);
    return out;
  }

  const Bytes plaintext_ = test_kit::plaintext_of(995);
  test_kit::EncodedFile file_{
      plaintext_, make_params(2, 3, 995, 100).value(), cap::Key::from(Bytes(16, 1)), {.version = GetParam()}};
  const ShareLayout& layout_ = file_.layout();
  const Bytes share_ = file_.share(kShare);
};
INSTANTIATE_TEST_SUITE_P(Versions, ArrivingBlocksTest, testing::Values(1u, 2u));

TEST_P(ArrivingBlocksTest, KnowsAllBlocksThatCameInOrderInPiecesOfAnySize) {
  for (std::uint64_t step : {1ull, 7ull, 50ull, 51ull, 333ull, 100'000ull}) {
    ArrivingBlocks blocks = fresh();
    for (std::uint64_t begin = 0; begin < share_.size(); begin += step) give(blocks, {begin, begin + step});
    for (SegmentNumber s = 0; s < count(); ++s) EXPECT_EQ(blocks.hash_of(block(s)), right(s)) << step;
    EXPECT_TRUE(read_back(&blocks, share_).empty()) << step;
  }
}

TEST_P(ArrivingBlocksTest, DoesNotKnowWhatDidNotComeFromItsBeginningToItsEnd) {
  ArrivingBlocks blocks = fresh();
  give(blocks, {block(2).begin + 1, block(4).end - 1});
  EXPECT_EQ(blocks.hash_of(block(2)), std::nullopt);
  EXPECT_EQ(blocks.hash_of(block(3)), right(3));
  EXPECT_EQ(blocks.hash_of(block(4)), std::nullopt);
  give(blocks, {block(2).begin, block(2).begin + 1});  // the hole is filled, but not in order
  EXPECT_EQ(blocks.hash_of(block(2)), std::nullopt);
  give(blocks, {block(4).end - 1, block(4).end});
  EXPECT_EQ(blocks.hash_of(block(4)), right(4));
}

TEST_P(ArrivingBlocksTest, TakesBytesThatComeTwiceOnce) {
  ArrivingBlocks blocks = fresh();
  const std::uint64_t begin = block(0).begin;
  for (Range range : {Range{0, 10}, Range{3, 8}, Range{0, 30}, Range{29, 50}})
    give(blocks, {begin + range.begin, begin + range.end});
  EXPECT_EQ(blocks.hash_of(block(0)), right(0));
  give(blocks, {begin + 10, begin + 60});
  EXPECT_EQ(blocks.hash_of(block(0)), right(0));
}

TEST_P(ArrivingBlocksTest, FollowsAFewWritersAtOnceAndLosesTheOldest) {
  for (std::size_t writers = 1; writers <= ArrivingBlocks::kRunningMax + 1; ++writers) {
    ArrivingBlocks blocks = fresh();
    for (std::uint64_t at = 0; at < block(0).size(); at += 5) {
      for (SegmentNumber s = 0; s < writers; ++s) give(blocks, {block(s).begin + at, block(s).begin + at + 5});
    }
    for (SegmentNumber s = 0; s < writers; ++s)
      EXPECT_EQ(blocks.hash_of(block(s)).has_value(), writers <= ArrivingBlocks::kRunningMax || s > 0) << s;
  }
}

TEST_P(ArrivingBlocksTest, ForgetsEveryBlockThatARangeTouches) {
  for (SegmentNumber s = 0; s < count(); ++s) {
    for (Range range : {Range{block(s).begin, block(s).begin + 1}, Range{block(s).end - 1, block(s).end}, block(s)}) {
      ArrivingBlocks blocks = fresh();
      give(blocks, {0, share_.size()});
      blocks.forget(range);
      for (SegmentNumber other = 0; other < count(); ++other)
        EXPECT_EQ(blocks.hash_of(block(other)).has_value(), other != s);
      EXPECT_EQ(read_back(&blocks, share_), RangeSet{block(s)});
    }
  }
  ArrivingBlocks blocks = fresh();
  give(blocks, {0, share_.size()});
  blocks.forget({0, layout_.data().begin});
  blocks.forget({layout_.data().end, share_.size()});
  EXPECT_TRUE(read_back(&blocks, share_).empty());
}

TEST_P(ArrivingBlocksTest, ForgetsWhatItIsInTheMiddleOf) {
  ArrivingBlocks blocks = fresh();
  give(blocks, {block(1).begin, block(1).begin + 20});
  blocks.forget({block(1).begin + 5, block(1).begin + 6});
  give(blocks, {block(1).begin + 20, block(1).end});
  EXPECT_EQ(blocks.hash_of(block(1)), std::nullopt);
  give(blocks, block(1));
  EXPECT_EQ(blocks.hash_of(block(1)), right(1));
}

TEST_P(ArrivingBlocksTest, GivesAwayBlocksThatCameWrong) {
  Bytes wrong = share_;
  wrong[block(3).begin + 9] ^= 1;
  ArrivingBlocks blocks = fresh();
  blocks.on_bytes(0, wrong);
  EXPECT_TRUE(read_back(&blocks, wrong, false).empty());
  blocks.forget(block(3));
  give(blocks, block(3));
  EXPECT_TRUE(read_back(&blocks, share_).empty());
}

TEST_P(ArrivingBlocksTest, LearnsFromAnAuditSoThatTheNextReadsOnlyWhatChanged) {
  ArrivingBlocks blocks = fresh();
  Bytes wrong = share_;
  wrong[block(5).begin] ^= 1;
  EXPECT_EQ(read_back(&blocks, wrong, false), RangeSet{layout_.data()});
  blocks.forget(block(5));
  EXPECT_EQ(read_back(&blocks, share_), RangeSet{block(5)});
  EXPECT_TRUE(read_back(&blocks, share_).empty());
}

TEST_P(ArrivingBlocksTest, AnswersForWholeBlocksOnly) {
  ArrivingBlocks blocks = fresh();
  give(blocks, {0, share_.size()});
  const Range good = block(1);
  for (Range range : {Range{good.begin - 1, good.end}, Range{good.begin, good.end - 1}, Range{good.begin, block(2).end},
                      Range{0, good.end}, Range{good.begin, good.begin}, Range{layout_.data().end, share_.size()}}) {
    EXPECT_EQ(blocks.hash_of(range), std::nullopt);
    blocks.learn(range, Hash{});
  }
  EXPECT_EQ(blocks.hash_of(good), right(1));
}

TEST_P(ArrivingBlocksTest, IsOfNoUseButDoesNoHarmWhenTheHeaderLies) {
  const std::size_t width = GetParam() == 1 ? 4 : 8;
  for (std::uint64_t size : {49ull, 51ull, 100ull, 400ull}) {
    Bytes share = share_;
    store_be(share, 4, width, size);
    auto blocks = ArrivingBlocks::create(share.size(), test_kit::served(share, {0, kHeaderBytesV2}), kMemory);
    ASSERT_TRUE(blocks.has_value()) << size;
    blocks->on_bytes(0, share);
    read_back(&*blocks, share);
    Bytes wrong = share;
    wrong[block(4).begin] ^= 1;
    blocks->forget(block(4));
    read_back(&*blocks, wrong, false);
  }
}

TEST_P(ArrivingBlocksTest, AreNotMadeFromHeadersThatCannotBe) {
  const std::size_t width = GetParam() == 1 ? 4 : 8;
  const auto made = [&](std::size_t field, std::uint64_t value) {
    Bytes share = share_;
    store_be(share, field == 0 ? 0 : 4 + (field - 1) * width, field == 0 ? 4 : width, value);
    return ArrivingBlocks::create(share.size(), test_kit::served(share, {0, kHeaderBytesV2}), kMemory).has_value();
  };
  EXPECT_TRUE(made(0, GetParam()));
  EXPECT_FALSE(made(0, 3));
  for (std::uint64_t block_size : {0ull, 1ull, 5ull}) EXPECT_FALSE(made(1, block_size)) << "no tree for so many blocks";
  for (std::uint64_t bytes : {0ull, 0xffff'ffffull}) EXPECT_FALSE(made(2, bytes));
  EXPECT_FALSE(ArrivingBlocks::create(share_.size() / 2, head(), kMemory).has_value()) << "offsets beyond the share";
  EXPECT_FALSE(ArrivingBlocks::create(share_.size(), head(), 100).has_value()) << "too much memory";
  EXPECT_FALSE(ArrivingBlocks::create(share_.size(), head().first(20), kMemory).has_value());
}

}  // namespace
}  // namespace holdfast::immutable
