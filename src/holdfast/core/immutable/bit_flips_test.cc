// Every bit of a small share, flipped: reading everything notices it, or it is where nobody looks.
#include <gtest/gtest.h>

#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

class BitFlips : public testing::TestWithParam<unsigned> {
 protected:
  BitFlips()
      : plaintext_(test_kit::plaintext_of(55)),
        file_(plaintext_, make_params(2, 3, 55, 20).value(), cap::Key::from(Bytes(16, 1)), {.version = GetParam()}) {
    // What nobody uses: the claims and the plaintext tree's offset in the header, and that tree.
    const std::uint64_t width = GetParam() == 1 ? 4 : 8;
    unused_ = {Range{4, 4 + 2 * width}, Range{4 + 3 * width, 4 + 4 * width}, file_.layout().plaintext_hashes()};
  }

  /// Calls with each changed share and the position of the change.
  template <class Each>
  void for_flips(ShareNumber number, const Each& each) {
    Bytes share = file_.share(number);
    for (std::uint64_t bit = 0; bit < share.size() * 8; ++bit) {
      const auto mask = static_cast<std::uint8_t>(1u << bit % 8);
      share[bit / 8] ^= mask;
      each(share, bit / 8);
      share[bit / 8] ^= mask;
    }
  }
  bool is_header_offset(std::uint64_t at) const { return at < file_.layout().header().end; }

  const Bytes plaintext_;
  test_kit::EncodedFile file_;
  RangeSet unused_;
};
INSTANTIATE_TEST_SUITE_P(Versions, BitFlips, testing::Values(1u, 2u));

TEST_P(BitFlips, never_change_what_is_read_and_go_unnoticed_only_where_nobody_looks) {
  const FileClaim claim = file_.claim();
  const Bytes other = file_.share(2);
  std::size_t unnoticed = 0;
  for_flips(0, [&](const Bytes& share, std::uint64_t at) {
    const auto read = test_kit::read_file(claim, &file_.key(), {{0, share}, {2, other}});
    if (read) {
      ++unnoticed;
      ASSERT_EQ(*read, plaintext_) << at;
    }
    // An offset of the unused tree that leaves no room for the header is refused, although nobody would go
    // there.
    const bool may_be_either = is_header_offset(at) && unused_.contains(at);
    if (!may_be_either) {
      ASSERT_EQ(read.has_value(), unused_.contains(at)) << at;
    }
    ASSERT_TRUE(read || read.error().code != Errc::malformed)
        << "a flipped bit does not make the file unusable: " << at;
  });
  EXPECT_GE(unnoticed, 8 * file_.layout().plaintext_hashes().size());
}

// A copy that is opened second adds nothing to what is known of the file; its own part is looked at all the
// same.
TEST_P(BitFlips, of_a_copy_that_is_read_second_never_change_what_is_read) {
  const FileClaim claim = file_.claim();
  const Bytes other = file_.share(2);
  RangeSet known_already = unused_;
  known_already.add(file_.layout().crypttext_hashes());
  for_flips(0, [&](const Bytes& share, std::uint64_t at) {
    const auto read = test_kit::read_file(claim, &file_.key(), {{2, other}, {0, share}});
    if (read) {
      ASSERT_EQ(*read, plaintext_) << at;
    }
    if (!is_header_offset(at)) {
      ASSERT_EQ(read.has_value(), known_already.contains(at)) << at;
    }
  });
}

TEST_P(BitFlips, of_ciphertext_in_every_block_are_noticed_before_anything_is_decoded) {
  const FileClaim claim = file_.claim();
  Bytes share = file_.share(1);
  for (SegmentNumber s = 0; s < file_.geometry().num_segments(); ++s) {
    const Range block = file_.layout().block(s);
    share[block.begin] ^= 1;
    FileState file(claim);
    ShareReader reader(file, 1);
    ASSERT_TRUE(test_kit::open_copy(reader, share));
    ASSERT_TRUE(test_kit::fetch_nodes(reader, share, s, s + 1));
    EXPECT_EQ(reader.block_range(s, s + 1), block);
    EXPECT_FALSE(reader.check_block(s, test_kit::served(share, block)));
    share[block.begin] ^= 1;
    EXPECT_TRUE(reader.check_block(s, test_kit::served(share, block)));
  }
}

// The server has no cap: the extension block's own fields are all that binds it. What a change of them leaves
// consistent passes; it is the writer's last word (it sends the tail again), and readers hold it against the
// cap.
TEST_P(BitFlips, in_what_a_server_can_know_fail_its_audit) {
  const Range extension = file_.layout().uri_extension();
  RangeSet passed;
  for_flips(0, [&](const Bytes& share, std::uint64_t at) {
    const ShareBytesAt bytes_at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
      HF_CHECK(offset <= share.size() && out.size() <= share.size() - offset);
      std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      return {};
    };
    const AuditVerdict verdict = audit_share(share.size(), 0, bytes_at).value();
    if (std::holds_alternative<AuditPassed>(verdict)) passed.add(Range{at, at + 1});
    if (std::holds_alternative<AuditOpaque>(verdict)) {
      ASSERT_TRUE(is_header_offset(at)) << at;
    }
    if (const auto* failed = std::get_if<AuditFailed>(&verdict); failed != nullptr && !is_header_offset(at)) {
      ASSERT_TRUE(failed->wrong.intersects({at, at + 1}) || at >= file_.layout().tail_begin())
          << "what is asked for again heals it: " << at;
    }
  });
  RangeSet outside = passed;
  outside.subtract(extension);
  outside.subtract(unused_);
  EXPECT_TRUE(outside.empty()) << outside.front().begin;
  EXPECT_TRUE(passed.intersects(extension)) << "the flat hash, for one, cannot be known from one share";
}

}  // namespace
}  // namespace holdfast::immutable
