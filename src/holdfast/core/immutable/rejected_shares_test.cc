// What must be refused (specs of immutable files, 17.1), made from good shares by damaging one thing; and
// what looks damaged but is not.
#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/base/netstring.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"

namespace holdfast::immutable {
namespace {

using test_kit::EncodedFile;
using test_kit::plaintext_of;

constexpr std::size_t kSize = 5'000;
constexpr ShareNumber kShare = 1, kOther = 4;

enum Offset : std::size_t { data, plaintext_hashes, crypttext_hashes, block_hashes, share_hashes, uri_extension };

/// A share taken to pieces. Changing a piece moves what lies behind it, as an honest writer of odd shares
/// would.
struct Pieces {
  std::uint64_t version, claimed_block_size, claimed_share_data;
  Bytes gap, blocks, plaintext_tree, crypttext_tree, block_tree, chain, extension, trailing;
  std::optional<std::uint64_t> claimed_length;

  Bytes joined() const {
    const std::size_t width = version == 2 ? 8 : 4;
    Bytes out, body = gap;
    append_be(out, 4, version);
    append_be(out, width, claimed_block_size);
    append_be(out, width, claimed_share_data);
    for (const Bytes* piece : {&blocks, &plaintext_tree, &crypttext_tree, &block_tree, &chain}) {
      append_be(out, width, 4 + 8 * width + body.size());
      append(body, *piece);
    }
    append_be(out, width, 4 + 8 * width + body.size());
    append(out, body);
    append_be(out, width, claimed_length.value_or(extension.size()));
    append(out, extension);
    append(out, trailing);
    return out;
  }
};

class RejectedShares : public testing::TestWithParam<unsigned> {
 protected:
  RejectedShares()
      : plaintext_(plaintext_of(kSize)),
        file_(plaintext_, make_params(2, 5, kSize, 1'000).value(), key(), {.version = GetParam()}) {
    claim_ = file_.claim();
    pieces_ = pieces_of(kShare);
    other_ = file_.share(kOther);
  }
  static cap::Key key() { return cap::Key::from(Bytes(16, 7)); }

  Pieces pieces_of(ShareNumber number) {
    const Bytes share = file_.share(number);
    const ShareLayout& layout = file_.layout();
    const auto cut = [&](Range range) { return to_bytes(ByteView(share).subspan(range.begin, range.size())); };
    Pieces out{GetParam(),
               file_.geometry().block_size(),
               file_.geometry().share_data(),
               {},
               cut(layout.data()),
               cut(layout.plaintext_hashes()),
               cut(layout.crypttext_hashes()),
               cut(layout.block_hashes()),
               cut(layout.share_hashes()),
               cut({layout.uri_extension().begin + layout.length_bytes(), layout.size()}),
               {},
               {}};
    EXPECT_EQ(out.joined(), share);
    return out;
  }

  /// Reads the file from the share under test first and an undamaged one after it.
  std::string reading(ByteView share, ShareNumber number = kShare) const {
    const auto read = test_kit::read_file(claim_, &file_.key(), {{number, share}, {kOther, other_}});
    if (!read) return std::string(to_string(read.error().code));
    EXPECT_EQ(*read, plaintext_) << "wrong plaintext";
    return "fine";
  }
  std::string reading() const { return reading(pieces_.joined()); }

  static std::string audit(ByteView share, ShareNumber number = kShare) {
    const ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
      HF_CHECK(offset <= share.size() && out.size() <= share.size() - offset);
      std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      return {};
    };
    const AuditVerdict verdict = audit_share(share.size(), number, at).value();
    if (const auto* failed = std::get_if<AuditFailed>(&verdict)) {
      EXPECT_FALSE(failed->wrong.empty());
      for (const Range& range : failed->wrong.ranges()) EXPECT_LE(range.end, share.size());
      return "failed";
    }
    return std::holds_alternative<AuditPassed>(verdict) ? "passed" : "opaque";
  }
  std::string audit() const { return audit(pieces_.joined()); }

  /// The same extension block in both shares and in the cap: an uploader's doing, not a disk's.
  std::string reading_with_extension(const Bytes& extension) {
    pieces_.extension = extension;
    Pieces other = pieces_of(kOther);
    other.extension = extension;
    other_ = other.joined();
    claim_.ueb_hash = uri_extension_hash(extension);
    return reading();
  }
  using Fields = std::map<std::string, Bytes, std::less<>>;
  Fields fields() { return parse_uri_extension(file_.encoder().uri_extension(), 2).value().fields; }
  static Bytes serialised(const Fields& fields) {
    Bytes out;
    for (const auto& [name, value] : fields) {
      append(out, name + ":");
      append_netstring(out, value);
    }
    return out;
  }
  /// One hash of a tree.
  static std::uint8_t* node(Bytes& tree, std::uint64_t number) { return tree.data() + number * Hash::kSize; }
  std::uint64_t leaf(std::uint64_t i) const { return hashtree::leaf_node(file_.geometry().num_segments(), i); }
  /// Where the chain has that node.
  std::size_t entry(std::uint64_t number) const {
    for (std::size_t at = 0; at < pieces_.chain.size(); at += 34) {
      if (load_be(pieces_.chain, at, 2) == number) return at;
    }
    ADD_FAILURE() << "no node " << number;
    return 0;
  }

  const Bytes plaintext_;
  EncodedFile file_;
  FileClaim claim_;
  Pieces pieces_;
  Bytes other_;
};
INSTANTIATE_TEST_SUITE_P(Versions, RejectedShares, testing::Values(1u, 2u));

TEST_P(RejectedShares, are_none_of_these) {
  EXPECT_EQ(reading(), "fine");
  EXPECT_EQ(audit(), "passed");
}

TEST_P(RejectedShares, have_numbers_that_the_file_has_not) {
  for (ShareNumber number : {5, 6, 255, 256, 65535}) {
    EXPECT_EQ(reading(pieces_.joined(), number), "corrupt") << number;
    EXPECT_EQ(audit(pieces_.joined(), number), "failed") << number;
  }
}

TEST_P(RejectedShares, are_offered_under_the_number_of_another) {
  EXPECT_EQ(reading(pieces_.joined(), 0), "corrupt");
  EXPECT_EQ(reading(pieces_.joined(), 2), "corrupt");
  EXPECT_EQ(audit(pieces_.joined(), 0), "failed");
}

TEST_P(RejectedShares, have_an_unknown_version) {
  Bytes share = pieces_.joined();
  for (std::uint64_t version : {0, 3, 0x7fffffff}) {
    store_be(share, 0, 4, version);
    EXPECT_EQ(reading(share), "unsupported");
    EXPECT_EQ(audit(share), "opaque");
  }
}

TEST_P(RejectedShares, have_any_offset_that_points_elsewhere) {
  const std::size_t width = GetParam() == 1 ? 4 : 8;
  for (Offset offset : {data, crypttext_hashes, block_hashes, share_hashes, uri_extension}) {
    Bytes share = pieces_.joined();
    const std::size_t at = 4 + (2 + offset) * width;
    const std::uint64_t good = load_be(share, at, width);
    for (std::uint64_t value : {std::uint64_t{0}, std::uint64_t{4}, good - 34, good - 32, good - 1, good + 1, good + 32,
                                good + 34, std::uint64_t{0xffffffff}, std::uint64_t{share.size()}}) {
      store_be(share, at, width, value);
      EXPECT_EQ(reading(share), "corrupt") << offset << " " << value;
      EXPECT_NE(audit(share), "passed") << offset << " " << value;
    }
  }
}

TEST_P(RejectedShares, end_too_early) {
  const Bytes share = pieces_.joined();
  for (std::size_t length = 0; length < share.size(); ++length) {
    EXPECT_EQ(reading(ByteView(share).first(length)), "corrupt") << length;
    EXPECT_NE(audit(ByteView(share).first(length)), "passed") << length;
  }
}

TEST_P(RejectedShares, have_an_extension_block_of_a_length_that_cannot_be) {
  for (std::uint64_t length : {0ull, 1ull, 2'000ull, 100'000ull, 0xffffffffull}) {
    pieces_.claimed_length = length;
    EXPECT_EQ(reading(), "corrupt") << length;
    EXPECT_EQ(audit(), "failed") << length;
  }
  pieces_.claimed_length = pieces_.extension.size() + 1;
  EXPECT_EQ(reading(), "corrupt") << "beyond the end of the share";
  EXPECT_EQ(audit(), "failed");
}

TEST_P(RejectedShares, have_an_extension_block_of_2000_bytes_even_when_the_cap_binds_it) {
  Fields large = fields();
  large["x"] = Bytes(1'000, 'x');
  large["y"] = Bytes(2'000 - serialised(large).size() - std::string("y:999:,").size(), 'y');
  ASSERT_EQ(serialised(large).size(), 2'000u);
  EXPECT_EQ(reading_with_extension(serialised(large)), "corrupt");
  EXPECT_EQ(audit(), "failed");
  large["y"].pop_back();
  EXPECT_EQ(reading_with_extension(serialised(large)), "fine");
  EXPECT_EQ(audit(), "passed");
}

TEST_P(RejectedShares, have_an_extension_block_that_the_cap_does_not_bind) {
  for (std::size_t at = 0; at < pieces_.extension.size(); ++at) {
    pieces_.extension[at] ^= 0x20;
    EXPECT_EQ(reading(), "corrupt") << at;
    pieces_.extension[at] ^= 0x20;
  }
  EXPECT_EQ(reading(), "fine");
}

TEST_P(RejectedShares, make_the_file_unusable_when_the_cap_binds_an_extension_block_that_is_unusable) {
  const Fields good = fields();
  for (const char* name : {"crypttext_root_hash", "share_root_hash", "segment_size"}) {
    Fields bad = good;
    bad.erase(name);
    EXPECT_EQ(reading_with_extension(serialised(bad)), "malformed") << name << " missing";
    EXPECT_EQ(audit(), "failed");
    bad = good;
    bad[name].push_back(name == std::string_view("segment_size") ? '1' : 'x');  // 10001 is not a multiple of 2
    EXPECT_EQ(reading_with_extension(serialised(bad)), "malformed") << name << " too long";
    EXPECT_EQ(audit(), "failed");
  }
  for (const char* segment_size : {"0", "999", "1001", "1 000", "99999999999999999999", "1099511627776"}) {
    Fields bad = good;
    bad["segment_size"] = to_bytes(std::string_view(segment_size));
    EXPECT_EQ(reading_with_extension(serialised(bad)), "malformed") << segment_size;
    EXPECT_EQ(audit(), "failed") << segment_size;
  }
  EXPECT_EQ(reading_with_extension(to_bytes(std::string_view("not a dictionary"))), "malformed");
  EXPECT_EQ(audit(), "failed");
  Bytes twice = serialised(good);
  append(twice, "size:4:5000,");
  EXPECT_EQ(reading_with_extension(twice), "malformed");
  EXPECT_EQ(audit(), "failed");
}

TEST_P(RejectedShares, have_wrong_roots_in_an_extension_block_that_the_cap_binds) {
  for (const char* name : {"crypttext_root_hash", "share_root_hash"}) {
    Fields bad = fields();
    bad[name][0] ^= 1;
    EXPECT_EQ(reading_with_extension(serialised(bad)), "corrupt") << name;
    EXPECT_EQ(audit(), "failed") << name;
  }
}

TEST_P(RejectedShares, are_not_those_with_a_wrong_redundant_field_unless_they_are_verified) {
  for (const auto& [name, value] : std::map<std::string, std::string>{{"num_segments", "6"},
                                                                      {"size", "5001"},
                                                                      {"needed_shares", "3"},
                                                                      {"total_shares", "6"},
                                                                      {"codec_name", "xyz"},
                                                                      {"codec_params", "1-1-1"},
                                                                      {"tail_codec_params", "1-1-1"}}) {
    Fields odd = fields();
    odd[name] = to_bytes(std::string_view(value));
    const bool of_the_cap = name == "size" || name == "needed_shares" || name == "total_shares";
    EXPECT_EQ(reading_with_extension(serialised(odd)), of_the_cap ? "malformed" : "fine") << name;
    EXPECT_FALSE(check_redundant_fields(parse_uri_extension(serialised(odd), 2).value(), file_.geometry())) << name;
  }
}

TEST_P(RejectedShares, are_not_those_of_other_writers_whose_extension_blocks_have_fewer_or_more_fields) {
  const Fields good = fields();
  Fields fewest{{"crypttext_root_hash", good.at("crypttext_root_hash")},
                {"segment_size", good.at("segment_size")},
                {"share_root_hash", good.at("share_root_hash")}};
  EXPECT_EQ(reading_with_extension(serialised(fewest)), "fine");
  EXPECT_EQ(audit(), "opaque") << "without a cap nobody can tell where its blocks are";
  Fields more = good;
  more["plaintext_hash"] = more["plaintext_root_hash"] = Bytes(32, 1);
  more["anything"] = {};
  more["crypttext_hash"] = Bytes(32, 9);
  EXPECT_EQ(reading_with_extension(serialised(more)), "fine");
  EXPECT_EQ(audit(), "passed");
}

TEST_P(RejectedShares, are_audited_by_what_is_left_when_redundant_fields_are_missing) {
  Fields fewer = fields();
  for (const char* name : {"size", "needed_shares", "total_shares"}) {
    fewer.erase(name);
    EXPECT_EQ(reading_with_extension(serialised(fewer)), "fine") << name;
    EXPECT_EQ(audit(), "passed") << name;
    for (Bytes Pieces::*piece : {&Pieces::blocks, &Pieces::block_tree, &Pieces::crypttext_tree, &Pieces::chain}) {
      (pieces_.*piece).back() ^= 1;
      EXPECT_EQ(audit(), "failed") << name;
      (pieces_.*piece).back() ^= 1;
    }
  }
  for (const char* name : {"codec_params", "tail_codec_params", "num_segments"}) {
    Fields too_few = fewer;
    too_few.erase(name);
    EXPECT_EQ(reading_with_extension(serialised(too_few)), "fine") << name;
    EXPECT_EQ(audit(), "opaque") << name;
    Fields garbled = fewer;
    garbled[name] = to_bytes(std::string_view("1-x-"));
    reading_with_extension(serialised(garbled));
    EXPECT_EQ(audit(), "failed") << name;
  }
}

TEST_P(RejectedShares, have_a_hash_chain_that_is_cut_or_empty) {
  const Bytes good = pieces_.chain;
  for (std::size_t length = 0; length < good.size(); ++length) {
    pieces_.chain = to_bytes(ByteView(good).first(length));
    EXPECT_EQ(reading(), "corrupt") << length;
    EXPECT_NE(audit(), "passed") << length;
  }
}

TEST_P(RejectedShares, have_a_hash_chain_with_a_node_number_out_of_range) {
  for (std::uint64_t number : {15u, 16u, 500u, 65535u}) {
    append_be(pieces_.chain, 2, number);
    pieces_.chain.resize(pieces_.chain.size() + Hash::kSize);
    EXPECT_EQ(reading(), "corrupt") << number;
    EXPECT_EQ(audit(), "failed") << number;
    pieces_.chain.resize(pieces_.chain.size() - 34);
  }
}

TEST_P(RejectedShares, have_a_hash_chain_with_any_wrong_hash) {
  for (std::size_t at = 2; at < pieces_.chain.size(); at += 34) {
    pieces_.chain[at + 13] ^= 1;
    EXPECT_EQ(reading(), "corrupt") << at;
    EXPECT_EQ(audit(), "failed") << at;
    pieces_.chain[at + 13] ^= 1;
  }
}

TEST_P(RejectedShares, have_a_hash_chain_without_any_one_of_its_entries) {
  const Bytes good = pieces_.chain;
  for (std::size_t at = 0; at < good.size(); at += 34) {
    pieces_.chain = good;
    pieces_.chain.erase(pieces_.chain.begin() + static_cast<std::ptrdiff_t>(at),
                        pieces_.chain.begin() + static_cast<std::ptrdiff_t>(at) + 34);
    EXPECT_EQ(reading(), "corrupt") << at;
    EXPECT_EQ(audit(), "failed") << at;
  }
}

TEST_P(RejectedShares, have_a_hash_chain_that_contradicts_itself) {
  Bytes again = to_bytes(ByteView(pieces_.chain).first(34));
  again[20] ^= 1;
  append(pieces_.chain, again);
  EXPECT_EQ(reading(), "corrupt");
  EXPECT_EQ(audit(), "failed");
}

TEST_P(RejectedShares, have_a_hash_chain_longer_than_any_tree_needs) {
  const Bytes good = pieces_.chain;
  while (pieces_.chain.size() <= 64 * 34) append(pieces_.chain, good);
  EXPECT_EQ(reading(), "corrupt");
  EXPECT_EQ(audit(), "failed");
}

TEST_P(RejectedShares, are_not_those_that_repeat_chain_entries_or_add_the_root) {
  append(pieces_.chain, to_bytes(ByteView(pieces_.chain).first(34)));
  append_be(pieces_.chain, 2, 0);
  append(pieces_.chain, fields().at("share_root_hash"));
  EXPECT_EQ(reading(), "fine");
  EXPECT_EQ(audit(), "passed");
}

TEST_P(RejectedShares, have_a_block_tree_of_their_own_making) {
  // Consistent in itself, but not what the chain leads to: blocks of another share with their tree.
  const Pieces stranger = pieces_of(3);
  pieces_.blocks = stranger.blocks;
  pieces_.block_tree = stranger.block_tree;
  EXPECT_EQ(reading(), "corrupt");
  EXPECT_EQ(audit(), "failed");
}

TEST_P(RejectedShares, have_a_wrong_hash_anywhere_in_either_tree_fillers_and_root_included) {
  for (std::uint64_t number = 0; number < hashtree::node_count(5); ++number) {
    for (Bytes Pieces::*tree : {&Pieces::block_tree, &Pieces::crypttext_tree}) {
      node(pieces_.*tree, number)[31] ^= 0x80;
      EXPECT_EQ(reading(), "corrupt") << number;
      EXPECT_EQ(audit(), "failed") << number;
      node(pieces_.*tree, number)[31] ^= 0x80;
    }
  }
}

TEST_P(RejectedShares, have_one_wrong_byte_in_one_block_which_spoils_that_block_only) {
  pieces_.blocks[2 * file_.geometry().block_size() + 17] ^= 4;
  const Bytes share = pieces_.joined();
  EXPECT_EQ(reading(), "corrupt");
  EXPECT_EQ(audit(), "failed");
  FileState file(claim_);
  ShareReader reader(file, kShare);
  ASSERT_TRUE(test_kit::open_copy(reader, share));
  ASSERT_TRUE(test_kit::fetch_nodes(reader, share, 0, 5));
  for (SegmentNumber s = 0; s < 5; ++s) {
    EXPECT_EQ(reader.check_block(s, test_kit::served(share, reader.block_range(s, s + 1))).has_value(), s != 2) << s;
  }
}

TEST_P(RejectedShares, are_not_those_with_garbage_where_nothing_is_read) {
  pieces_.claimed_block_size = 0xffffffff;
  pieces_.claimed_share_data = 1;
  pieces_.plaintext_tree.assign(pieces_.plaintext_tree.size(), 0xa5);
  EXPECT_EQ(reading(), "fine");
  EXPECT_EQ(audit(), "passed");
  pieces_.plaintext_tree.clear();
  EXPECT_EQ(reading(), "fine") << "absent";
  EXPECT_EQ(audit(), "passed");
  pieces_.plaintext_tree.assign(77, 1);
  pieces_.gap.assign(13, 2);
  pieces_.trailing.assign(5'000, 3);
  EXPECT_EQ(reading(), "fine") << "gaps";
  EXPECT_EQ(audit(), "passed");
}

TEST_P(RejectedShares, are_not_those_with_whole_hashes_behind_a_tree_unless_they_are_verified) {
  for (Bytes Pieces::*tree : {&Pieces::crypttext_tree, &Pieces::block_tree}) {
    const Bytes good = pieces_.*tree;
    (pieces_.*tree).resize(good.size() + Hash::kSize);
    EXPECT_EQ(reading(), "fine");
    EXPECT_FALSE(check_offsets(parse_header(pieces_.joined()).value(), file_.geometry(), true));
    (pieces_.*tree).resize(good.size() + 1);
    EXPECT_EQ(reading(), tree == &Pieces::block_tree ? "corrupt" : "fine")
        << "only the block tree's section is known to hold hashes alone";
    pieces_.*tree = good;
  }
}

TEST_P(RejectedShares, are_never_accused_of_a_cap_that_has_another_size_k_or_n) {
  const auto accused = [&](const FileClaim& claim) {
    FileState file(claim);
    ShareReader reader(file, kShare);
    const Result<void> opened = test_kit::open_copy(reader, pieces_.joined());
    EXPECT_FALSE(opened.has_value());
    EXPECT_TRUE(file.contradicts_cap());
    return opened ? "fine" : std::string(to_string(opened.error().code));
  };
  for (const auto& [size, k, n] : {std::tuple{1, 0, 0}, {-1, 0, 0}, {0, 2, 0}, {0, 1, 0}, {0, 0, 15}, {0, 0, 2}}) {
    FileClaim claim = file_.claim();
    claim.size += static_cast<std::uint64_t>(size);
    claim.k += static_cast<unsigned>(k);  // 4 divides the segment size as well, 3 does not
    claim.n += static_cast<unsigned>(n);  // 20 shares have a larger tree, 7 the same
    EXPECT_EQ(accused(claim), "malformed") << size << " " << k << " " << n;
  }
}

TEST_P(RejectedShares, are_accused_and_not_the_cap_when_their_extension_block_is_another) {
  pieces_.extension.back() ^= 1;
  FileClaim claim = file_.claim();
  claim.size += 1;
  FileState file(claim);
  ShareReader reader(file, kShare);
  EXPECT_EQ(test_kit::open_copy(reader, pieces_.joined()).error().code, Errc::corrupt);
  EXPECT_FALSE(file.contradicts_cap());
}

TEST_P(RejectedShares, can_be_valid_one_by_one_and_still_decode_to_another_file) {
  // An uploader's trick: share 4 is a valid share of a code word that shares 0..3 are not from.
  const Geometry geometry = file_.geometry();
  const auto block = [&](ShareNumber share, SegmentNumber s) { return file_.segments()[s].block(share); };
  const SegmentDecoder decoder(geometry, &file_.key());
  Bytes lie = to_bytes(block(kOther, 0));
  lie[0] ^= 1;
  const Hash& expected = file_.segments()[0].segment_hash();
  const auto honest = decoder.decode(0, {kShare, kOther}, {block(kShare, 0), block(kOther, 0)}, expected);
  ASSERT_TRUE(honest.has_value());
  EXPECT_TRUE(equal(*honest, ByteView(plaintext_).first(1'000)));
  const auto decoded = decoder.decode(0, {kShare, kOther}, {block(kShare, 0), lie}, expected);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::corrupt);
}

TEST_P(RejectedShares, leave_too_few_to_decode) {
  const SegmentDecoder decoder(file_.geometry(), nullptr);
  const ByteView block = file_.segments()[0].block(kShare);
  const Hash& expected = file_.segments()[0].segment_hash();
  EXPECT_EQ(decoder.decode(0, {kShare}, {block}, expected).error().code, Errc::not_enough_shares);
  EXPECT_EQ(decoder.decode(0, {kShare, kShare}, {block, block}, expected).error().code, Errc::malformed)
      << "twice the same";
  EXPECT_EQ(decoder.decode(0, {kShare, 5}, {block, block}, expected).error().code, Errc::malformed) << "no such share";
}

}  // namespace
}  // namespace holdfast::immutable
