// Every value on the way from plaintext to shares, against the vectors.
#include <gtest/gtest.h>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

using boost::json::value;

template <class Hashes>
std::vector<std::string> hex_of(const Hashes& hashes) {
  std::vector<std::string> out;
  out.reserve(hashes.size());
  for (const Hash& hash : hashes) out.push_back(to_hex(hash.view()));
  return out;
}

std::vector<std::string> texts(const value& array) {
  std::vector<std::string> out;
  for (const auto& each : array.as_array()) out.emplace_back(each.as_string());
  return out;
}

std::vector<Hash> nodes_in(ByteView section) {
  std::vector<Hash> out;
  for (std::size_t at = 0; at < section.size(); at += Hash::kSize)
    out.push_back(Hash::from(section.subspan(at, Hash::kSize)));
  return out;
}

ByteView section(const Bytes& share, Range range) {
  return ByteView(share).subspan(range.begin, range.size());
}

void expect_geometry(const value& expected, const Geometry& geometry) {
  EXPECT_EQ(geometry.segment_size(), test::number(expected, "effective_segment_size"));
  EXPECT_EQ(geometry.num_segments(), test::number(expected, "num_segments"));
  EXPECT_EQ(geometry.block_size(), test::number(expected, "block_size"));
  EXPECT_EQ(geometry.tail_size(), test::number(expected, "tail_segment_size"));
  EXPECT_EQ(geometry.tail_padded(), test::number(expected, "tail_segment_padded"));
  EXPECT_EQ(geometry.tail_block(), test::number(expected, "tail_block_size"));
  EXPECT_EQ(geometry.share_data(), test::number(expected, "share_data_size"));
  EXPECT_EQ(hashtree::pow2_ceil(geometry.num_segments()), test::number(expected, "segment_tree_leaves_padded"));
  EXPECT_EQ(hashtree::pow2_ceil(geometry.params().n), test::number(expected, "share_tree_leaves_padded"));
}

void expect_layout(const value& expected, const ShareLayout& layout) {
  const auto& offsets = expected.at("offsets");
  EXPECT_EQ(to_hex(layout.encode_header()), test::text(expected, "header_hex"));
  EXPECT_EQ(layout.data().begin, test::number(offsets, "data"));
  EXPECT_EQ(layout.plaintext_hashes().begin, test::number(offsets, "plaintext_hash_tree"));
  EXPECT_EQ(layout.crypttext_hashes().begin, test::number(offsets, "crypttext_hash_tree"));
  EXPECT_EQ(layout.block_hashes().begin, test::number(offsets, "block_hashes"));
  EXPECT_EQ(layout.share_hashes().begin, test::number(offsets, "share_hashes"));
  EXPECT_EQ(layout.uri_extension().begin, test::number(offsets, "uri_extension"));
  EXPECT_EQ(layout.size(), test::number(expected, "share_file_length"));
}

void expect_segments(const value& expected, const test_kit::EncodedFile& made) {
  Bytes ciphertext;
  std::vector<std::string> hashes;
  for (const EncodedSegment& segment : made.segments()) {
    append(ciphertext, segment.ciphertext());
    hashes.push_back(to_hex(segment.segment_hash().view()));
  }
  EXPECT_EQ(to_hex(crypto::sha256(ciphertext).view()), test::text(expected, "ciphertext_sha256"));
  EXPECT_EQ(to_hex(ByteView(ciphertext).first(32)), test::text(expected, "ciphertext_first32_hex"));
  EXPECT_EQ(hashes, texts(expected.at("segment_hashes_hex")));
  if (const auto* lists = expected.as_object().if_contains("block_hashes_hex")) {
    for (ShareNumber share = 0; share < made.geometry().params().n; ++share) {
      std::vector<std::string> blocks;
      for (const EncodedSegment& segment : made.segments())
        blocks.push_back(to_hex(segment.block_hashes()[share].view()));
      EXPECT_EQ(blocks, texts(lists->as_array()[share])) << "share " << share;
    }
  }
}

// With the reference's order of the chain entries, where that is not ours.
Bytes with_chain_order(const Bytes& share, const ShareLayout& layout, const value& order) {
  const ByteView chain = section(share, layout.share_hashes());
  Bytes out = to_bytes(ByteView(share).first(layout.share_hashes().begin));
  for (const auto& node : order.as_array()) {
    for (std::size_t at = 0; at < chain.size(); at += 34) {
      if (chain[at] * 256u + chain[at + 1] == node.to_number<unsigned>()) append(out, chain.subspan(at, 34));
    }
  }
  append(out, section(share, layout.uri_extension()));
  return out;
}

void expect_shares(const value& expected, test_kit::EncodedFile& made) {
  const auto* whole = expected.as_object().if_contains("share_files_hex_reference_order");
  const std::vector<std::string> roots = texts(expected.at("block_roots_hex"));
  for (const auto& each : test::list(expected, "shares")) {
    const auto number = static_cast<ShareNumber>(test::number(each, "shnum"));
    SCOPED_TRACE(number);
    const Bytes share = made.share(number);
    EXPECT_EQ(to_hex(crypto::sha256(share).view()), test::text(each, "sha256_chain_ascending_order"));
    const Bytes reordered = with_chain_order(share, made.layout(), each.at("chain_order_reference"));
    EXPECT_EQ(to_hex(crypto::sha256(reordered).view()), test::text(each, "sha256_chain_reference_order"));
    if (whole != nullptr) {
      EXPECT_EQ(to_hex(reordered), texts(*whole)[number]);
    }
    EXPECT_EQ(hex_of(nodes_in(section(share, made.layout().crypttext_hashes()))),
              texts(expected.at("crypttext_tree_nodes_hex")));
    EXPECT_EQ(to_hex(section(share, made.layout().block_hashes()).first(Hash::kSize)), roots[number]);
    FileState file(made.claim());
    ShareReader ours(file, number), reference(file, number);
    EXPECT_TRUE(test_kit::open_copy(ours, share));
    EXPECT_TRUE(test_kit::open_copy(reference, reordered)) << "the order of a chain is free";
  }
}

cap::Key key_of(const value& each, ByteView plaintext, const Params& params) {
  const auto& input = each.at("input");
  if (!input.at("random_key_hex").is_null()) return cap::Key::from(test::hex_field(input, "random_key_hex"));
  return test_kit::convergent_key(plaintext, params, Secret(test::base64_field(input, "convergence_b64")));
}

TEST(IntermediateValues, are_those_of_the_vectors) {
  const auto vectors = test::load_vectors("immutable-intermediate.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  std::size_t shares = 0;
  for (const auto& each : test::list(*vectors, "cases")) {
    SCOPED_TRACE(test::text(each, "name"));
    const auto& input = each.at("input");
    const Bytes plaintext = test::repeat_to(test::base64_field(input, "seed_b64"), test::number(input, "length"));
    EXPECT_EQ(to_hex(crypto::sha256(plaintext).view()), test::text(input, "plaintext_sha256"));
    const Params params = make_params(static_cast<unsigned>(test::number(input, "required")),
                                      static_cast<unsigned>(test::number(input, "total")), plaintext.size(),
                                      test::number(input, "max_segment_size"))
                              .value();
    const cap::Key key = key_of(each, plaintext, params);
    EXPECT_EQ(to_hex(key.view()), test::text(each, "key_hex"));
    EXPECT_EQ(to_string(cap::storage_index_of(key)), test::text(each, "storage_index_b32"));
    const auto version = static_cast<unsigned>(test::number(each, "layout_version"));
    test_kit::EncodedFile made(plaintext, params, key, {.version = version});
    expect_geometry(each.at("geometry"), made.geometry());
    expect_layout(each, made.layout());
    expect_segments(each, made);
    EXPECT_EQ(to_hex(made.encoder().uri_extension()), test::text(each, "ueb_hex"));
    EXPECT_EQ(to_hex(made.encoder().uri_extension_hash().view()), test::text(each, "ueb_hash_hex"));
    EXPECT_EQ(cap::to_string(cap::Cap(made.cap())), test::text(each, "cap"));
    EXPECT_EQ(cap::to_string(cap::Cap(cap::weaken(made.cap()))), test::text(each, "verify_cap"));
    expect_shares(each, made);
    shares += test::list(each, "shares").size();
  }
  EXPECT_EQ(shares, 446u);
}

}  // namespace
}  // namespace holdfast::immutable
