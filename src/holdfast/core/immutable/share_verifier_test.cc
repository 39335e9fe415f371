// What `verify` says of one share: good, or which part of it is not; whatever the layout and the number of segments.
#include "holdfast/core/immutable/share_verifier.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

using test_kit::EncodedFile;
using test_kit::plaintext_of;

struct Shape {
  unsigned version;
  std::uint64_t size, segment_size;
};

std::string said(const Result<void>& outcome) {
  return outcome ? "good" : std::string(to_string(outcome.error().code)) + ": " + outcome.error().what;
}

/// As verify does it with a server that has this share.
std::string verdict(const FileClaim& claim, ShareNumber number, ByteView share) {
  ShareVerifier verifier(claim, number);
  while (const std::optional<Range> range = verifier.next()) {
    const Result<void> outcome = verifier.on_bytes(test_kit::served(share, *range));
    if (!outcome) return said(outcome);
  }
  return "good";
}

bool begins_with(std::string_view text, std::string_view begin) {
  return text.substr(0, begin.size()) == begin;
}

constexpr char kShort[] = "corrupt: the share is shorter than it should be";
constexpr char kNoExtension[] = "corrupt: the share ends before its extension block";
constexpr char kBadLength[] = "corrupt: an extension block of a length that cannot be";
constexpr char kNotOfTheCap[] = "corrupt: a URI extension that is not the cap's";
constexpr char kNotOverItsLeaves[] = "corrupt: a hash tree that is not the one over its leaves";
constexpr char kOtherRoot[] = "corrupt: a hash tree with another root";
constexpr char kOutsideItsTree[] = "corrupt: a hash outside its tree";
constexpr char kUnproven[] = "corrupt: a hash that does not lead to the validated one above it";
constexpr char kWrongSections[] = "corrupt: sections of the wrong size";

class VerifiedShares : public testing::TestWithParam<Shape> {
 protected:
  static constexpr ShareNumber kShare = 3;
  std::string verified() const { return verdict(file_.claim(), kShare, share_); }
  /// What is said when the byte has another value.
  std::string verified_with_flip(std::uint64_t at) {
    share_[at] ^= 0x10;
    std::string out = verified();
    share_[at] ^= 0x10;
    return out;
  }
  std::uint64_t segments() const { return file_.geometry().num_segments(); }
  std::size_t width() const { return file_.layout().length_bytes(); }
  /// 0: data; then the plaintext tree, the crypttext tree, the block tree, the chain, the extension.
  std::size_t offset_field(std::size_t which) const { return 4 + (2 + which) * width(); }
  /// Another good tree than the one that is proven.
  void replace_tree(Range section) {
    const std::vector<Hash> nodes = hashtree::build_tree(std::vector<Hash>(segments(), Hash::from(Bytes(32, 9))));
    Bytes bytes;
    for (const Hash& node : nodes) append(bytes, node.view());
    std::ranges::copy(bytes, share_.begin() + static_cast<std::ptrdiff_t>(section.begin));
  }

  EncodedFile file_{plaintext_of(GetParam().size),
                    make_params(2, 5, GetParam().size, GetParam().segment_size).value(),
                    cap::Key::from(Bytes(16, 7)),
                    {.version = GetParam().version}};
  Bytes share_ = file_.share(kShare);
};
INSTANTIATE_TEST_SUITE_P(Shapes, VerifiedShares,
                         testing::Values(Shape{1, 40, 64}, Shape{2, 40, 64},    // one segment
                                         Shape{1, 50, 10}, Shape{2, 50, 10},    // five, all full
                                         Shape{1, 43, 10}, Shape{2, 41, 10}));  // five, the last one short

TEST_P(VerifiedShares, are_good_as_they_were_written_each_of_them) {
  for (ShareNumber number = 0; number < 5; ++number) {
    EXPECT_EQ(verdict(file_.claim(), number, file_.share(number)), "good") << number;
  }
}

TEST_P(VerifiedShares, are_named_corrupt_by_the_part_in_which_any_byte_is_changed) {
  const ShareLayout& layout = file_.layout();
  for (SegmentNumber segment = 0; segment < segments(); ++segment) {
    const Range block = layout.block(segment);
    for (std::uint64_t at = block.begin; at < block.end; ++at) {
      ASSERT_EQ(verified_with_flip(at), "corrupt: block " + std::to_string(segment) + " does not have its hash") << at;
    }
  }
  for (const Range& tree : {layout.crypttext_hashes(), layout.block_hashes()}) {
    for (std::uint64_t at = tree.begin; at < tree.end; ++at) {
      ASSERT_EQ(verified_with_flip(at), segments() == 1 ? kOtherRoot : kNotOverItsLeaves) << at;
    }
  }
  for (std::uint64_t at = layout.share_hashes().begin; at < layout.share_hashes().end; ++at) {
    const bool in_number =
        (at - layout.share_hashes().begin) % (2 + Hash::kSize) < 2;  // which is beyond the tree's 14 then
    ASSERT_EQ(verified_with_flip(at), in_number ? kOutsideItsTree : kUnproven) << at;
  }
  const std::uint64_t extension = layout.uri_extension().begin + width();
  for (std::uint64_t at = layout.uri_extension().begin; at < extension; ++at) {
    const bool shorter = at + 1 == extension && (share_[at] & 0x10) != 0;
    ASSERT_EQ(verified_with_flip(at), shorter ? kNotOfTheCap : kBadLength) << at;
  }
  for (std::uint64_t at = extension; at < layout.size(); ++at) ASSERT_EQ(verified_with_flip(at), kNotOfTheCap) << at;
  EXPECT_EQ(verified(), "good") << "all that was changed was put back";
}

TEST_P(VerifiedShares, are_good_whatever_is_in_what_nobody_may_trust) {
  const Range plaintext_tree = file_.layout().plaintext_hashes();
  for (std::uint64_t at = plaintext_tree.begin; at < plaintext_tree.end; ++at) share_[at] = 0xff;
  for (std::size_t at = 4; at < offset_field(0); ++at) share_[at] = 0xff;  // block_size, share_data
  store_be(share_, offset_field(1), width(), share_.size());
  share_.push_back(0);
  EXPECT_EQ(verified(), "good");
}

TEST_P(VerifiedShares, are_incompatible_not_corrupt_when_their_version_is_unknown) {
  for (std::uint64_t version : {0, 3, 0x7fffffff}) {
    store_be(share_, 0, 4, version);
    EXPECT_EQ(verified(), "unsupported: share layout version " + std::to_string(version));
  }
}

TEST_P(VerifiedShares, are_corrupt_when_an_offset_points_elsewhere) {
  constexpr char kOutside[] = "corrupt: an offset outside the share";
  constexpr char kContradiction[] = "corrupt: offsets that contradict one another";
  const auto moved = [&](std::size_t which, std::int64_t by) {
    const Bytes good = share_;
    const std::uint64_t value = load_be(share_, offset_field(which), width()) + static_cast<std::uint64_t>(by);
    store_be(share_, offset_field(which), width(), value);
    return verdict(file_.claim(), kShare, std::exchange(share_, good));
  };
  for (std::size_t which = 0; which < 6; ++which) {
    const auto back_to_zero = -static_cast<std::int64_t>(load_be(share_, offset_field(which), width()));
    EXPECT_EQ(moved(which, back_to_zero), kOutside) << which;
    EXPECT_EQ(moved(which, back_to_zero + 35), kOutside) << which;
  }
  EXPECT_EQ(moved(0, 1), "corrupt: block 0 does not have its hash");
  const auto unused = static_cast<std::int64_t>(file_.layout().plaintext_hashes().size());
  EXPECT_EQ(moved(0, unused), "corrupt: block 0 does not have its hash");
  EXPECT_EQ(moved(0, unused + 1), kWrongSections) << "no room for the data";
  for (std::int64_t by : {-32, -1, 1, 32}) EXPECT_EQ(moved(2, by), kWrongSections) << by;
  for (std::int64_t by : {-32, 32}) EXPECT_EQ(moved(3, by), kWrongSections) << by;
  for (std::int64_t by : {-1, 1}) EXPECT_EQ(moved(3, by), kContradiction) << by;
  for (std::int64_t by : {-34, -1, 1, 34}) EXPECT_EQ(moved(4, by), kContradiction) << by;
  for (std::int64_t by : {-1, 1}) EXPECT_EQ(moved(5, by), kContradiction) << by;
  EXPECT_EQ(moved(5, -34), kBadLength) << "the last entry of the chain is no length";
  EXPECT_EQ(moved(5, -static_cast<std::int64_t>(file_.layout().share_hashes().size())), kContradiction) << "no chain";
  EXPECT_EQ(moved(5, 34 * 64), "corrupt: a hash chain that is too long");
}

TEST_P(VerifiedShares, are_corrupt_when_they_end_early_anywhere) {
  const ShareLayout& layout = file_.layout();
  const auto expected = [&](std::uint64_t length) -> std::string {
    if (length < 4) return "corrupt: the share is shorter than a header";
    if (length < layout.header().end) return "corrupt: the share is shorter than its header";
    return length < layout.uri_extension().begin + width() ? kNoExtension : kBadLength;
  };
  for (std::uint64_t length = 0; length < share_.size(); ++length) {
    ASSERT_EQ(verdict(file_.claim(), kShare, ByteView(share_).first(length)), expected(length)) << length;
  }
}

TEST_P(VerifiedShares, are_corrupt_when_a_server_answers_with_less_or_more_than_it_has) {
  const auto verified_with_answer = [&](std::size_t which, bool longer) {
    ShareVerifier verifier(file_.claim(), kShare);
    for (std::size_t i = 0; const std::optional<Range> range = verifier.next(); ++i) {
      Bytes answer = to_bytes(test_kit::served(share_, *range));
      if (i == which) answer.resize(longer ? range->size() + 1 : answer.size() - 1);
      const Result<void> outcome = verifier.on_bytes(answer);
      if (!outcome) return said(outcome);
    }
    return std::string("good");
  };
  for (std::size_t which = 0; which < 5; ++which) EXPECT_EQ(verified_with_answer(which, true), kShort) << which;
  EXPECT_EQ(verified_with_answer(1, false), kBadLength);
  for (std::size_t which = 2; which < 5; ++which) EXPECT_EQ(verified_with_answer(which, false), kShort) << which;
}

TEST_P(VerifiedShares, are_corrupt_when_a_tree_is_a_good_one_of_other_leaves) {
  for (const Range& tree : {file_.layout().crypttext_hashes(), file_.layout().block_hashes()}) {
    const Bytes good = share_;
    replace_tree(tree);
    EXPECT_EQ(verified(), kOtherRoot);
    share_ = good;
  }
}

TEST_P(VerifiedShares, are_corrupt_under_another_number_and_for_another_file) {
  for (ShareNumber number : {0, 1, 4}) {
    EXPECT_EQ(verdict(file_.claim(), number, share_), "corrupt: a hash chain without its own leaf") << number;
  }
  EXPECT_EQ(verdict(file_.claim(), 2, share_), kOtherRoot) << "whose leaf is in the chain, as the sibling";
  EXPECT_EQ(verdict(file_.claim(), 5, share_), "corrupt: a share number that cannot be");
  FileClaim other = file_.claim();
  other.ueb_hash = Hash::from(Bytes(32, 1));
  EXPECT_EQ(verdict(other, kShare, share_), kNotOfTheCap);
}

TEST_P(VerifiedShares, are_not_corrupt_when_it_is_the_cap_that_is_contradicted_but_when_the_file_is_unusable) {
  FileClaim more_shares = file_.claim(), smaller = file_.claim();
  more_shares.n += 1;
  smaller.size -= 1;
  for (const FileClaim& claim : {more_shares, smaller}) {
    const std::string contradiction = verdict(claim, kShare, share_);
    EXPECT_TRUE(begins_with(contradiction, "malformed: the cap's size or encoding")) << contradiction;
  }

  const std::uint64_t extension = file_.layout().uri_extension().begin + width();
  share_[extension] = '?';
  FileClaim unusable = file_.claim();
  unusable.ueb_hash = uri_extension_hash(ByteView(share_).subspan(extension));
  EXPECT_EQ(verdict(unusable, kShare, share_), "corrupt: URI extension: a bad key") << "never malformed";
}

/// More than is asked for at once, in blocks or in trees.
class LargeVerifiedShares : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, LargeVerifiedShares,
                         testing::Values(Shape{1, 5 * 1'048'576 + 17, 1'048'576}, Shape{1, 65'537, 1}));

TEST_P(LargeVerifiedShares, are_read_in_pieces_each_of_which_is_looked_at) {
  const Shape& shape = GetParam();
  EncodedFile file(plaintext_of(shape.size), make_params(1, 1, shape.size, shape.segment_size).value(),
                   cap::Key::from(Bytes(16, 7)));
  Bytes share = file.share(0);
  std::vector<Range> asked;
  ShareVerifier verifier(file.claim(), 0);
  while (const std::optional<Range> range = verifier.next()) {
    asked.push_back(*range);
    ASSERT_LE(range->size(), ShareVerifier::kPieceBytes);
    ASSERT_TRUE(verifier.on_bytes(test_kit::served(share, *range)));
  }
  EXPECT_EQ(asked.size(), shape.segment_size == 1 ? 2u + 4 + 1 : 2u + 2 + 2);
  for (std::size_t i = 2; i < asked.size(); ++i) {
    share[asked[i].end - 1] ^= 1;
    EXPECT_TRUE(begins_with(verdict(file.claim(), 0, share), "corrupt: ")) << i;
    share[asked[i].end - 1] ^= 1;
  }
}

}  // namespace
}  // namespace holdfast::immutable
