// Readers of files with so many segments that their trees are not fetched whole.
#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

class ManySegments : public testing::Test {
 protected:
  static constexpr std::uint64_t kSegments = 1'500;
  ManySegments() : share_(file_.share(0)), reader_(state_, 0) { EXPECT_TRUE(test_kit::open_copy(reader_, share_)); }

  /// Nodes of those segments, then their blocks.
  void expect_readable(SegmentNumber first, SegmentNumber end) {
    ASSERT_TRUE(test_kit::fetch_nodes(reader_, share_, first, end));
    for (SegmentNumber s = first; s < end; ++s) {
      ASSERT_TRUE(reader_.check_block(s, test_kit::served(share_, reader_.block_range(s, s + 1)))) << s;
      ASSERT_EQ(state_.crypttext().leaf(s), file_.segments()[s].segment_hash()) << s;
    }
  }

  const Bytes plaintext_ = test_kit::plaintext_of(3 * kSegments - 1);
  test_kit::EncodedFile file_{plaintext_, make_params(3, 4, 3 * kSegments - 1, 3).value(),
                              cap::Key::from(Bytes(16, 5))};
  const Bytes share_;
  FileState state_{file_.claim()};
  ShareReader reader_;
};

TEST_F(ManySegments, need_one_path_of_nodes_for_one_segment) {
  EXPECT_EQ(state_.geometry().num_segments(), kSegments);
  const unsigned height = hashtree::height(kSegments);
  EXPECT_EQ(reader_.wanted_nodes(0, 1).total(), 2 * (height + 1) * Hash::kSize);
  expect_readable(0, 1);
  EXPECT_TRUE(reader_.wanted_nodes(0, 1).empty());
  EXPECT_EQ(reader_.wanted_nodes(1, 2).total(), 0u) << "its hash came along as a sibling";
  EXPECT_EQ(reader_.wanted_nodes(2, 3).total(), 2 * 2 * Hash::kSize) << "itself and its sibling";
}

TEST_F(ManySegments, are_read_in_windows_one_after_another) {
  for (SegmentNumber first = 0; first < kSegments; first += 64) {
    const SegmentNumber end = std::min<SegmentNumber>(first + 64, kSegments);
    expect_readable(first, end);
    reader_.forget_before(end);
    state_.crypttext().forget_leaves_before(end);
    ASSERT_LE(state_.crypttext().known_count(), 2u * 12);
  }
}

TEST_F(ManySegments, are_read_in_any_order_with_forgetting_in_between) {
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    const SegmentNumber first = random() % kSegments;
    expect_readable(first, std::min<SegmentNumber>(first + random() % 9 + 1, kSegments));
    if (random() % 3 == 0) {
      reader_.forget_before(first);
      state_.crypttext().forget_leaves_before(first);
    }
  }
}

TEST_F(ManySegments, are_proven_by_nodes_that_came_in_any_pieces_on_hash_boundaries_or_not) {
  std::mt19937 random(4);
  for (int i = 0; i < 100; ++i) {
    FileState state(file_.claim());
    ShareReader reader(state, 0);
    ASSERT_TRUE(test_kit::open_copy(reader, share_));
    const SegmentNumber segment = random() % kSegments;
    for (const Range& range : reader.wanted_nodes(segment, segment + 1).ranges()) {
      // More than was asked for, and not on the boundaries of hashes: the whole hashes count.
      const Range more{range.begin - random() % 32, range.end + random() % 32};
      ASSERT_TRUE(reader.on_nodes(more.begin, test_kit::served(share_, more)));
    }
    ASSERT_TRUE(reader.settle_nodes());
    ASSERT_TRUE(reader.check_block(segment, test_kit::served(share_, reader.block_range(segment, segment + 1))));
  }
}

TEST_F(ManySegments, are_not_proven_without_any_one_of_the_nodes_wanted) {
  const SegmentNumber segment = 777;
  std::vector<Range> nodes;
  for (const Range& range : reader_.wanted_nodes(segment, segment + 1).ranges()) {
    for (std::uint64_t at = range.begin; at < range.end; at += Hash::kSize) nodes.push_back({at, at + Hash::kSize});
  }
  for (const Range& left_out : nodes) {
    FileState state(file_.claim());
    ShareReader reader(state, 0);
    ASSERT_TRUE(test_kit::open_copy(reader, share_));
    for (const Range& node : nodes) {
      if (node == left_out) continue;
      ASSERT_TRUE(reader.on_nodes(node.begin, test_kit::served(share_, node)));
    }
    const auto settled = reader.settle_nodes();
    ASSERT_FALSE(settled);
    EXPECT_EQ(settled.error().code, Errc::corrupt);
    const auto block = reader.check_block(segment, test_kit::served(share_, reader.block_range(segment, segment + 1)));
    const bool is_of_crypttext_tree = left_out.begin < file_.layout().block_hashes().begin;
    EXPECT_FALSE(block) << (is_of_crypttext_tree ? "nothing is settled by halves" : "a block without a proof");
  }
}

TEST_F(ManySegments, are_proven_to_be_the_plaintext_on_disk_or_not) {
  expect_readable(10, 12);
  const cap::Key key = file_.key();
  const SegmentDecoder decoder(state_.geometry(), &key);
  const Range at = state_.geometry().segment_range(10);
  Buffer segment = to_buffer(ByteView(plaintext_).subspan(at.begin, at.size()));
  const Hash expected = *state_.crypttext().leaf(10);
  EXPECT_TRUE(decoder.plaintext_is(10, segment, expected));
  EXPECT_FALSE(decoder.plaintext_is(11, segment, expected)) << "another place has another key stream";
  EXPECT_FALSE(decoder.plaintext_is(10, segment, *state_.crypttext().leaf(11)));
  segment[1] ^= 1;
  EXPECT_FALSE(decoder.plaintext_is(10, segment, expected));
  segment.pop_back();
  EXPECT_FALSE(decoder.plaintext_is(10, segment, expected));
}

}  // namespace
}  // namespace holdfast::immutable
