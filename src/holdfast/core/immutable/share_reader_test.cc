// What a reader does with many blocks at once, and with a share that it opens without its header.
#include "holdfast/core/immutable/share_reader.h"

#include <gtest/gtest.h>

#include <functional>

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

using test_kit::EncodedFile;
using test_kit::plaintext_of;
using test_kit::served;

std::string said(const Result<void>& outcome) {
  return outcome ? "good" : std::string(to_string(outcome.error().code)) + ": " + outcome.error().what;
}

EncodedFile encoded(std::uint64_t size, std::uint64_t segment_size, unsigned version = 0) {
  return EncodedFile(plaintext_of(size), make_params(2, 4, size, segment_size).value(), cap::Key::from(Bytes(16, 7)),
                     {.version = version});
}

/// A file of five segments, the last one short; or of one.
class RunsOfBlocks : public testing::TestWithParam<std::uint64_t> {
 protected:
  static constexpr ShareNumber kShare = 2;
  RunsOfBlocks() {
    EXPECT_TRUE(test_kit::open_copy(reader_, share_));
    EXPECT_TRUE(test_kit::fetch_nodes(reader_, share_, 0, segments_));
  }
  Bytes blocks(ShareNumber share, SegmentNumber first, SegmentNumber end) const {
    Bytes out;
    for (SegmentNumber s = first; s < end; ++s) append(out, file_.segments()[s].block(share));
    return out;
  }
  void for_each_run(const std::function<void(SegmentNumber, SegmentNumber)>& what) const {
    for (SegmentNumber first = 0; first < segments_; ++first) {
      for (SegmentNumber end = first + 1; end <= segments_; ++end) what(first, end);
    }
  }

  EncodedFile file_ = encoded(GetParam(), 1'000);
  const std::uint64_t segments_ = file_.geometry().num_segments();
  const Bytes share_ = file_.share(kShare);
  FileState state_{file_.claim()};
  ShareReader reader_{state_, kShare};
};
INSTANTIATE_TEST_SUITE_P(Sizes, RunsOfBlocks, testing::Values(4'501, 5'000, 700));

TEST_P(RunsOfBlocks, have_the_hashes_of_their_blocks) {
  for_each_run([&](SegmentNumber first, SegmentNumber end) {
    std::vector<Hash> expected;
    for (SegmentNumber s = first; s < end; ++s) {
      expected.push_back(crypto::tagged_hash(crypto::kTagBlock, file_.segments()[s].block(kShare)));
    }
    EXPECT_EQ(SegmentDecoder::block_hashes(file_.geometry(), first, end, blocks(kShare, first, end)), expected);
  });
}

TEST_P(RunsOfBlocks, are_accepted_when_right) {
  for_each_run([&](SegmentNumber first, SegmentNumber end) {
    EXPECT_EQ(blocks(kShare, first, end), to_bytes(served(share_, reader_.block_range(first, end))));
    EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, blocks(kShare, first, end))), "good");
  });
}

TEST_P(RunsOfBlocks, are_refused_for_the_block_that_is_wrong) {
  for_each_run([&](SegmentNumber first, SegmentNumber end) {
    for (SegmentNumber bad = first; bad < end; ++bad) {
      Bytes run = blocks(kShare, first, end);
      run[blocks(kShare, first, bad).size()] ^= 1;
      EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, run)),
                "corrupt: block " + std::to_string(bad) + " does not have its hash");
    }
    EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, blocks(0, first, end))),
              "corrupt: block " + std::to_string(first) + " does not have its hash")
        << "good blocks of another share";
  });
}

TEST_P(RunsOfBlocks, are_refused_when_they_are_shorter_or_longer) {
  for_each_run([&](SegmentNumber first, SegmentNumber end) {
    Bytes run = blocks(kShare, first, end);
    run.push_back(0);
    EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, run)),
              "corrupt: the share is shorter than it should be");
    run.resize(run.size() - 2);
    EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, run)),
              "corrupt: the share is shorter than it should be");
    EXPECT_EQ(said(test_kit::check_blocks(reader_, first, end, {})), "corrupt: the share is shorter than it should be");
  });
}

TEST_P(RunsOfBlocks, are_refused_before_their_hashes_are_known) {
  ShareReader without_nodes(state_, kShare);
  ASSERT_TRUE(test_kit::open_copy(without_nodes, share_));
  const bool the_root_is_the_leaf = segments_ == 1;
  EXPECT_EQ(said(test_kit::check_blocks(without_nodes, 0, 1, blocks(kShare, 0, 1))),
            the_root_is_the_leaf ? "good" : "corrupt: block 0 does not have its hash");
}

TEST_P(RunsOfBlocks, decode_to_the_plaintext_from_any_shares_and_to_the_ciphertext_without_a_key) {
  const SegmentDecoder decoder(file_.geometry(), &file_.key()), keyless(file_.geometry(), nullptr);
  const Bytes plaintext = plaintext_of(GetParam());
  for_each_run([&](SegmentNumber first, SegmentNumber end) {
    std::vector<Hash> expected;
    for (SegmentNumber s = first; s < end; ++s) expected.push_back(file_.segments()[s].segment_hash());
    for (const auto& shares : std::vector<std::vector<ShareNumber>>{{0, 1}, {3, 0}, {2, 3}}) {
      const Bytes a = blocks(shares[0], first, end), b = blocks(shares[1], first, end);
      const auto run = decoder.decode_run(first, shares, {a, b}, expected);
      const auto ciphertext = keyless.decode_run(first, shares, {a, b}, expected);
      ASSERT_TRUE(run && ciphertext);
      ASSERT_EQ(run->size(), end - first);
      for (SegmentNumber s = first; s < end; ++s) {
        const Range range = file_.geometry().segment_range(s);
        EXPECT_EQ(to_bytes((*run)[s - first]), to_bytes(ByteView(plaintext).subspan(range.begin, range.size())));
        EXPECT_EQ(to_bytes((*ciphertext)[s - first]), to_bytes(file_.segments()[s].ciphertext()));
      }
    }
  });
}

TEST_P(RunsOfBlocks, are_not_decoded_to_anything_else_than_what_the_tree_names) {
  const SegmentDecoder decoder(file_.geometry(), &file_.key());
  std::vector<Hash> expected;
  for (const EncodedSegment& segment : file_.segments()) expected.push_back(segment.segment_hash());
  const Bytes a = blocks(1, 0, segments_), b = blocks(3, 0, segments_);
  for (SegmentNumber bad = 0; bad < segments_; ++bad) {
    const std::string reason =
        "the file itself is bad: valid shares decode to something else in segment " + std::to_string(bad);
    std::vector<Hash> other = expected;
    other[bad] = Hash::from(Bytes(32, 5));
    const auto of_another_hash = decoder.decode_run(0, {1, 3}, {a, b}, other);
    ASSERT_FALSE(of_another_hash);
    EXPECT_EQ(of_another_hash.error().code, Errc::corrupt);
    EXPECT_EQ(of_another_hash.error().what, reason);
    Bytes flipped = a;
    flipped[blocks(1, 0, bad).size()] ^= 1;
    const auto of_another_block = decoder.decode_run(0, {1, 3}, {flipped, b}, expected);
    ASSERT_FALSE(of_another_block);
    EXPECT_EQ(of_another_block.error().what, reason);
  }
  const auto too_short = decoder.decode_run(0, {1, 3}, {a, ByteView(b).first(b.size() - 1)}, expected);
  ASSERT_FALSE(too_short);
  EXPECT_EQ(too_short.error().code, Errc::malformed);
}

constexpr std::uint64_t kMebibyte = 1'048'576;

/// The tail is read where it should be; the reader may then do without the header.
bool opens_without_header(const FileClaim& claim, ByteView share) {
  FileState state(claim);
  ShareReader reader(state, 1);
  const bool opened = reader.open_without_header(served(share, reader.tail_range()));
  EXPECT_EQ(reader.is_open(), opened);
  return opened;
}

TEST(OpeningWithoutHeader, opens_every_share_that_is_laid_out_as_usual_and_reads_it_rightly) {
  for (std::uint64_t size : {std::uint64_t{60}, kMebibyte, kMebibyte + 1, 2 * kMebibyte + 17}) {
    EncodedFile file = encoded(size, kMebibyte);
    const Bytes share = file.share(1);
    FileState state(file.claim());
    ShareReader reader(state, 1);
    ASSERT_TRUE(reader.open_without_header(served(share, reader.tail_range()))) << size;
    const SegmentNumber segments = state.geometry().num_segments();
    ASSERT_TRUE(test_kit::fetch_nodes(reader, share, 0, segments));
    EXPECT_TRUE(test_kit::check_blocks(reader, 0, segments, served(share, reader.block_range(0, segments))));
  }
}

TEST(OpeningWithoutHeader, wants_the_header_of_any_other_layout_and_then_opens) {
  struct Layout {
    std::uint64_t size, segment_size;
    unsigned version;
  };
  for (const Layout& layout :
       std::vector<Layout>{{5'000, 1'000, 1}, {5'000, 1'000, 2}, {5'000, kMebibyte, 2}, {1'500'000, 131'072, 1}}) {
    EncodedFile file = encoded(layout.size, layout.segment_size, layout.version);
    const Bytes share = file.share(1);
    EXPECT_FALSE(opens_without_header(file.claim(), share));
    FileState state(file.claim());
    ShareReader reader(state, 1);
    EXPECT_FALSE(reader.open_without_header(served(share, reader.tail_range())));
    EXPECT_EQ(said(test_kit::open_copy(reader, share)), "good") << "the same reader, having tried";
  }
}

TEST(OpeningWithoutHeader, takes_the_segments_from_the_extension_block_where_others_lie_at_the_same_offsets) {
  EncodedFile file = encoded(1'500'000, 800'000);  // two segments, as of 1 MiB, and blocks without padding
  const Bytes share = file.share(1);
  FileState state(file.claim());
  ShareReader reader(state, 1);
  ASSERT_TRUE(reader.open_without_header(served(share, reader.tail_range())));
  EXPECT_EQ(state.geometry().segment_size(), 800'000u);
  ASSERT_TRUE(test_kit::fetch_nodes(reader, share, 0, 2));
  EXPECT_TRUE(test_kit::check_blocks(reader, 0, 2, served(share, reader.block_range(0, 2))));
}

TEST(OpeningWithoutHeader, does_not_open_a_tail_in_which_anything_is_damaged_or_missing) {
  EncodedFile file = encoded(500, kMebibyte);
  Bytes share = file.share(1);
  for (std::uint64_t at = file.layout().tail_begin(); at < share.size(); ++at) {
    share[at] ^= 0x10;
    ASSERT_FALSE(opens_without_header(file.claim(), share)) << at;
    share[at] ^= 0x10;
    ASSERT_FALSE(opens_without_header(file.claim(), ByteView(share).first(at))) << at;
  }
  EXPECT_TRUE(opens_without_header(file.claim(), share));
  EXPECT_FALSE(opens_without_header(file.claim(), file.share(2))) << "the share of another number";
  FileClaim other = file.claim();
  other.ueb_hash = Hash::from(Bytes(32, 1));
  EXPECT_FALSE(opens_without_header(other, share));
}

TEST(OpeningWithoutHeader, is_a_guess_that_no_claim_breaks) {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 56;
  for (const FileClaim& claim : std::vector<FileClaim>{
           {{}, 0, 0, 0}, {{}, 3, 2, 100}, {{}, 1, 1, kLargest}, {{}, 256, 256, kLargest}, {{}, 1, 1, ~kLargest}}) {
    EXPECT_FALSE(opens_without_header(claim, Bytes(10'000)));
  }
}

}  // namespace
}  // namespace holdfast::immutable
