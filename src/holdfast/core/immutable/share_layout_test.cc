#include "holdfast/core/immutable/share_layout.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/immutable/uri_extension.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

Geometry geometry_of(unsigned k, unsigned n, std::uint64_t size, std::uint64_t largest) {
  return Geometry::create(make_params(k, n, size, largest).value()).value();
}

TEST(ShareLayout, is_that_of_the_vectors) {
  const auto vectors = test::load_vectors("immutable-layout-geometry.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "cases")) {
    const Geometry geometry = geometry_of(static_cast<unsigned>(test::number(each, "required")),
                                          static_cast<unsigned>(test::number(each, "total")),
                                          test::number(each, "size"), test::number(each, "max_segment_size"));
    SCOPED_TRACE(geometry.size());
    const ShareLayout layout(geometry);
    const auto& offsets = each.at("offsets");
    EXPECT_EQ(layout.version(), test::number(each, "layout_version"));
    EXPECT_EQ(layout.data().begin, test::number(offsets, "data"));
    EXPECT_EQ(layout.plaintext_hashes().begin, test::number(offsets, "plaintext_hash_tree"));
    EXPECT_EQ(layout.crypttext_hashes().begin, test::number(offsets, "crypttext_hash_tree"));
    EXPECT_EQ(layout.block_hashes().begin, test::number(offsets, "block_hashes"));
    EXPECT_EQ(layout.share_hashes().begin, test::number(offsets, "share_hashes"));
    EXPECT_EQ(layout.uri_extension().begin, test::number(offsets, "uri_extension"));
    EXPECT_EQ(layout.size(), test::number(each, "allocated_size"));
    EXPECT_EQ(layout.crypttext_hashes().size(), test::number(each, "tree_bytes"));
    EXPECT_EQ(layout.share_hashes().size(), test::number(each, "chain_entries") * 34);
    EXPECT_EQ(uri_extension_bytes(geometry), test::number(each, "ueb_length"));
  }
}

// The last byte that fits version 1, found for shapes where each of the three conditions decides.
TEST(ShareLayout, has_version_2_from_the_first_byte_that_32_bits_cannot_say) {
  static constexpr std::uint64_t kLimit = std::uint64_t{1} << 32;
  const auto expect_boundary = [](unsigned k, unsigned n, std::uint64_t largest, std::uint64_t last_of_v1) {
    SCOPED_TRACE(last_of_v1);
    const ShareLayout last(geometry_of(k, n, last_of_v1, largest));
    const ShareLayout next(geometry_of(k, n, last_of_v1 + 1, largest));
    EXPECT_EQ(last.version(), 1u);
    EXPECT_EQ(last.uri_extension().begin, kLimit - 1);
    EXPECT_GT(last.size(), kLimit) << "the total may pass 32 bits";
    EXPECT_EQ(next.version(), 2u);
    EXPECT_EQ(next.data().begin, kHeaderBytesV2);
    for (const ShareLayout& layout : {last, next}) {
      const ShareOffsets offsets = parse_header(layout.encode_header()).value();
      EXPECT_EQ(offsets.version, layout.version());
      EXPECT_EQ(offsets.uri_extension, layout.uri_extension().begin);
    }
  };
  expect_boundary(3, 10, 1'048'576, 12'875'464'371);
  // One share of one byte per byte: 32 segments of 128 MiB minus what the trees (3 * 63 nodes) and the chain
  // need.
  expect_boundary(1, 1, kSegmentBytesMax, kLimit - 1 - 36 - 3 * 32 * 63 - 34);
}

TEST(ShareLayout, reads_back_from_the_header_in_both_versions) {
  for (unsigned version : {1u, 2u}) {
    const Geometry geometry = geometry_of(3, 10, 100'000, 1'000);
    const ShareLayout layout(geometry, {.version = version});
    EXPECT_EQ(layout.version(), version);
    EXPECT_EQ(layout.header().size(), layout.encode_header().size());
    const ShareOffsets offsets = parse_header(layout.encode_header()).value();
    EXPECT_EQ(offsets.version, version);
    EXPECT_EQ(offsets.data, layout.data().begin);
    EXPECT_EQ(offsets.plaintext_hashes, layout.plaintext_hashes().begin);
    EXPECT_EQ(offsets.crypttext_hashes, layout.crypttext_hashes().begin);
    EXPECT_EQ(offsets.block_hashes, layout.block_hashes().begin);
    EXPECT_EQ(offsets.share_hashes, layout.share_hashes().begin);
    EXPECT_EQ(offsets.uri_extension, layout.uri_extension().begin);
    EXPECT_EQ(offsets.claimed_block_size, geometry.block_size());
    EXPECT_EQ(offsets.claimed_share_data, geometry.share_data());
    EXPECT_TRUE(check_offsets(offsets, geometry, true));
  }
}

TEST(ShareLayout, places_blocks_one_after_another_through_the_data_section) {
  const Geometry geometry = geometry_of(3, 10, 10'000, 700);
  const ShareLayout layout(geometry);
  std::uint64_t at = layout.data().begin;
  for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
    EXPECT_EQ(layout.block(s).begin, at);
    at = layout.block(s).end;
  }
  EXPECT_EQ(at, layout.data().end);
}

TEST(ShareLayout, makes_room_for_the_extension_block_of_a_repaired_file) {
  const Geometry geometry = geometry_of(3, 10, 10'000, 700);
  const ShareLayout fresh(geometry), kept(geometry, {.extension_bytes = 500});
  EXPECT_EQ(kept.uri_extension().begin, fresh.uri_extension().begin);
  EXPECT_EQ(kept.uri_extension().size(), 504u);
}

// Each rule of 10.4 that does not need the geometry, broken one at a time in a header that was good.
class Header : public testing::TestWithParam<unsigned> {
 protected:
  enum Field : std::size_t {
    block_size,
    share_data,
    data,
    plaintext_hashes,
    crypttext_hashes,
    block_hashes,
    share_hashes,
    uri_extension
  };
  std::size_t width() const { return GetParam() == 1 ? 4 : 8; }
  Bytes with(Field field, std::uint64_t value) const {
    Bytes out = good_;
    store_be(out, 4 + field * width(), width(), value);
    return out;
  }
  std::uint64_t value(Field field) const { return load_be(good_, 4 + field * width(), width()); }
  static std::string verdict(ByteView header) {
    const auto parsed = parse_header(header);
    return parsed ? "fine" : std::string(to_string(parsed.error().code));
  }
  const Geometry geometry_ = geometry_of(3, 10, 10'000, 700);
  const Bytes good_ = ShareLayout(geometry_, {.version = GetParam()}).encode_header();
};
INSTANTIATE_TEST_SUITE_P(Versions, Header, testing::Values(1u, 2u));

TEST_P(Header, of_another_version_is_incompatible_rather_than_corrupt) {
  for (std::uint64_t version : {0u, 3u, 256u, 0x01000000u}) {
    Bytes header = good_;
    store_be(header, 0, 4, version);
    EXPECT_EQ(verdict(header), "unsupported") << version;
  }
}

TEST_P(Header, cut_anywhere_is_corrupt) {
  for (std::size_t length = 0; length < good_.size(); ++length)
    EXPECT_EQ(verdict(ByteView(good_).first(length)), "corrupt") << length;
}

TEST_P(Header, may_claim_any_block_size_and_any_amount_of_data) {
  EXPECT_EQ(verdict(with(block_size, 0xffffffff)), "fine");
  EXPECT_EQ(verdict(with(share_data, 0)), "fine");
}

TEST_P(Header, may_not_place_anything_inside_itself) {
  for (Field field : {data, plaintext_hashes, crypttext_hashes, block_hashes, share_hashes, uri_extension}) {
    EXPECT_EQ(verdict(with(field, good_.size() - 1)), "corrupt") << field;
    EXPECT_EQ(verdict(with(field, 0)), "corrupt") << field;
  }
  EXPECT_EQ(verdict(with(data, good_.size())), "fine");
}

TEST_P(Header, must_order_its_sections) {
  EXPECT_EQ(verdict(with(crypttext_hashes, value(block_hashes) + 32)), "corrupt");
  EXPECT_EQ(verdict(with(block_hashes, value(share_hashes) + 32)), "corrupt");
  EXPECT_EQ(verdict(with(share_hashes, value(uri_extension) + 34)), "corrupt");
}

TEST_P(Header, must_leave_whole_hashes_and_at_least_one_whole_chain_entry) {
  EXPECT_EQ(verdict(with(block_hashes, value(block_hashes) + 1)), "corrupt");
  EXPECT_EQ(verdict(with(uri_extension, value(uri_extension) + 1)), "corrupt");
  EXPECT_EQ(verdict(with(uri_extension, value(share_hashes))), "corrupt") << "an empty chain proves nothing";
  EXPECT_EQ(verdict(with(uri_extension, value(share_hashes) + 34)), "fine");
}

TEST_P(Header, may_put_the_unused_tree_anywhere) {
  EXPECT_EQ(verdict(with(plaintext_hashes, 0xfffffff0)), "fine");
  EXPECT_EQ(verdict(with(plaintext_hashes, value(crypttext_hashes))), "fine");
}

TEST_P(Header, must_agree_with_the_geometry_and_exactly_so_for_a_verifier) {
  const auto check = [&](const Bytes& header, bool exact) {
    return check_offsets(parse_header(header).value(), geometry_, exact).has_value();
  };
  EXPECT_TRUE(check(good_, true));
  const Bytes gap_before_data_missing = with(data, value(data) + 1);
  EXPECT_TRUE(check(gap_before_data_missing, true)) << "there is the unused tree between data and crypttext tree";
  EXPECT_FALSE(check(with(data, value(crypttext_hashes) - geometry_.share_data() + 1), false));
  EXPECT_TRUE(check(with(data, value(crypttext_hashes) - geometry_.share_data()), true));
  EXPECT_FALSE(check(with(data, value(crypttext_hashes) + 1), false));

  const Bytes longer_crypttext = with(crypttext_hashes, value(crypttext_hashes) - 32);
  EXPECT_TRUE(check(longer_crypttext, false));
  EXPECT_FALSE(check(longer_crypttext, true));
  EXPECT_FALSE(check(with(crypttext_hashes, value(crypttext_hashes) + 1), false));
  EXPECT_FALSE(check(with(block_hashes, value(block_hashes) + 32), false)) << "a block tree that is too short";
  EXPECT_FALSE(check(with(block_hashes, value(block_hashes) - 32), false)) << "a crypttext tree that is too short";
}

TEST(HeaderOfVersion2, may_not_name_places_that_no_share_has) {
  const Geometry geometry = geometry_of(3, 10, 10'000, 700);
  Bytes header = ShareLayout(geometry, {.version = 2}).encode_header();
  store_be(header, 0x3c, 8, ~std::uint64_t{0});
  EXPECT_EQ(parse_header(header).error().code, Errc::corrupt);
}

}  // namespace
}  // namespace holdfast::immutable
