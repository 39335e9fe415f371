// A file of 1 TiB without its bytes: every segment is said to have the same hashes, so that a store of a few
// hashes can stand for the hundreds of megabytes that would go to disk. What core itself keeps in memory must
// stay flat.
#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/hashtree/hash_tree.h"
#include "holdfast/core/hashtree/tree_index.h"
#include "holdfast/core/immutable/share_audit.h"
#include "holdfast/core/immutable/share_test_kit.h"
#include "support/heap_watch.h"

namespace holdfast::immutable {
namespace {

using test::HeapWatch;
constexpr std::uint64_t kTebibyte = std::uint64_t{1} << 40;

/// Stands for a file of hashes of which all of one level of a tree are equal.
class LevelStore final : public hashtree::NodeStore {
 public:
  LevelStore(std::uint64_t hashes, HeapWatch& watch)
      : hashes_(hashes), watch_(watch), levels_(hashtree::height(hashes / 2 + 1) + 1) {}

  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    watch_.look();
    HF_CHECK(first + hashes.size() <= hashes_);
    for (const Hash& hash : hashes) {
      Hash& level = levels_[hashtree::level_of(first)];
      if (first == hashtree::first_node_of_level(hashtree::level_of(first))) level = hash;
      HF_CHECK(level == hash);
      ++first;
    }
    written_ += hashes.size();
    return {};
  }
  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    watch_.look();
    for (Hash& hash : hashes) hash = levels_[hashtree::level_of(first++)];
    return {};
  }
  std::uint64_t written() const { return written_; }

 private:
  const std::uint64_t hashes_;
  HeapWatch& watch_;
  std::vector<Hash> levels_;
  std::uint64_t written_ = 0;
};

/// Stands for a file of leaves, all alike.
class SameLeaves final : public hashtree::NodeStore {
 public:
  SameLeaves(const Hash& leaf, HeapWatch& watch) : leaf_(leaf), watch_(watch) {}
  Result<void> write(std::uint64_t, std::span<const Hash>) override { return fail(Errc::io, "read only"); }
  Result<void> read(std::uint64_t, std::span<Hash> hashes) const override {
    watch_.look();
    std::ranges::fill(hashes, leaf_);
    return {};
  }

 private:
  const Hash leaf_;
  HeapWatch& watch_;
};

/// The root over so many equal leaves, a power of two.
Hash root_of_equal(Hash leaf, std::uint64_t leaves) {
  const hashtree::NodeHasher hasher;
  for (; leaves > 1; leaves /= 2) leaf = hasher.inner(leaf, leaf);
  return leaf;
}

Geometry tebibyte(std::uint64_t segment_bytes_max) {
  return Geometry::create(make_params(3, 10, kTebibyte, segment_bytes_max).value()).value();
}

TEST(FileOfOneTebibyte, asks_for_stores_that_do_not_belong_in_memory) {
  std::vector<std::uint64_t> asked;
  const auto remember = [&](std::uint64_t hashes) {
    asked.push_back(hashes * Hash::kSize);
    return test_kit::memory_store(hashes);
  };
  HeapWatch watch;
  for (std::uint64_t segment_bytes : {131'072u, 1'048'576u}) {
    const Geometry geometry = tebibyte(segment_bytes);
    const Encoder encoder(geometry, ShareLayout(geometry), remember);
    watch.look();
  }
  // Crypttext tree; leaves of all shares; one block tree (16.2 of the specification has
  // the figures).
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{536'870'880, 10 * 8'388'545ull * 32, 536'870'880, 67'108'832,
                                               10 * 1'048'575ull * 32, 67'108'832}));
  EXPECT_GT(asked[0], kHashBytesInMemoryMax);
  EXPECT_GT(asked[1], kHashBytesInMemoryMax);
  EXPECT_GT(asked[3], kHashBytesInMemoryMax);
  EXPECT_LT(watch.grown(), 1'048'576u);
}

TEST(FileOfOneTebibyte, has_trees_that_are_built_in_little_memory_and_at_every_node_right) {
  const Geometry geometry = tebibyte(8'388'608);
  const std::uint64_t leaves = geometry.num_segments(), nodes = hashtree::node_count(leaves);
  ASSERT_EQ(leaves, 131'072u);
  HeapWatch watch;
  Hash leaf;
  leaf.bytes.fill(0x5c);
  SameLeaves leaf_store(leaf, watch);
  LevelStore tree(nodes, watch);
  const Hash root = hashtree::build_tree_into(tree, leaf_store, 0, leaves).value();
  EXPECT_EQ(root, root_of_equal(leaf, leaves));
  EXPECT_EQ(tree.written(), nodes) << "each node once";
  EXPECT_LT(watch.grown(), 2 * 1'048'576u);
  EXPECT_LT(watch.grown() * 3, nodes * Hash::kSize) << "or the measure measures nothing";
}

// Tail and tree sections of a share of such a file, as an uploader sends them and as a reader proves them.
class ShareOfOneTebibyte : public testing::Test {
 protected:
  static constexpr ShareNumber kShare = 6;
  static Hash filled(std::size_t with) {
    Hash out;
    out.bytes.fill(static_cast<std::uint8_t>(with));
    return out;
  }

  ShareOfOneTebibyte() {
    const std::uint64_t leaves = geometry_.num_segments();
    std::vector<Hash> block_roots;
    for (std::size_t share = 0; share < 10; ++share) block_roots.push_back(root_of_equal(filled(share), leaves));
    share_tree_ = hashtree::build_tree(block_roots);
    extension_ = encode_uri_extension(geometry_, {filled(99), root_of_equal(filled(10), leaves), share_tree_[0]});
    claim_ = {uri_extension_hash(extension_), 3, 10, kTebibyte};
  }
  /// The bytes of the share in that range, outside its blocks.
  Bytes bytes_at(Range range) const {
    Bytes out;
    for (std::uint64_t at = range.begin; at < std::min(range.end, layout_.size()); ++at) out.push_back(byte_at(at));
    return out;
  }
  std::uint8_t byte_at(std::uint64_t at) const {
    const auto within = [&](Range section) { return at >= section.begin && at < section.end; };
    if (within(layout_.header())) return header_[at];
    if (within(layout_.crypttext_hashes())) return node_byte(filled(10), at - layout_.crypttext_hashes().begin);
    if (within(layout_.block_hashes())) return node_byte(filled(kShare), at - layout_.block_hashes().begin);
    if (at >= layout_.tail_begin()) return tail()[at - layout_.tail_begin()];
    return 0;
  }
  std::uint8_t node_byte(const Hash& leaf, std::uint64_t at) const {
    const std::uint64_t below = geometry_.num_segments() >> hashtree::level_of(at / Hash::kSize);
    return root_of_equal(leaf, below).bytes[at % Hash::kSize];
  }
  Bytes tail() const {
    Bytes out;
    for (std::uint64_t node : hashtree::chain_nodes(10, kShare)) {
      append_be(out, 2, node);
      append(out, share_tree_[node].view());
    }
    append_be(out, layout_.length_bytes(), extension_.size());
    append(out, extension_);
    return out;
  }

  const Geometry geometry_ = tebibyte(8'388'608);
  const ShareLayout layout_{geometry_};
  const Bytes header_ = layout_.encode_header();
  std::vector<Hash> share_tree_;
  Bytes extension_;
  FileClaim claim_;
};

TEST_F(ShareOfOneTebibyte, is_opened_and_read_anywhere_with_a_few_kilobytes) {
  EXPECT_EQ(layout_.version(), 2u);
  EXPECT_EQ(layout_.size(), 366'529'042'242u);
  HeapWatch watch;
  FileState file(claim_);
  ShareReader reader(file, kShare);
  ASSERT_TRUE(reader.on_header(bytes_at(reader.header_range())));
  EXPECT_EQ(reader.tail_range().begin, layout_.tail_begin());
  ASSERT_TRUE(reader.on_tail(bytes_at(reader.tail_range())));
  for (SegmentNumber segment : {std::uint64_t{0}, std::uint64_t{70'000}, geometry_.num_segments() - 1}) {
    const RangeSet wanted = reader.wanted_nodes(segment, segment + 1);
    EXPECT_LE(wanted.total(), 2 * 18 * Hash::kSize) << "one path in each tree";
    for (const Range& range : wanted.ranges()) ASSERT_TRUE(reader.on_nodes(range.begin, bytes_at(range)));
    ASSERT_TRUE(reader.settle_nodes());
    EXPECT_EQ(file.crypttext().leaf(segment), filled(10));
    EXPECT_TRUE(reader.wanted_nodes(segment, segment + 1).empty());
    EXPECT_EQ(reader.block_range(segment, segment + 1), layout_.block(segment));
    watch.look();
  }
  EXPECT_LT(watch.grown(), 256u * 1'024);
}

TEST_F(ShareOfOneTebibyte, is_read_from_end_to_end_with_memory_for_one_path) {
  FileState file(claim_);
  ShareReader reader(file, kShare);
  ASSERT_TRUE(reader.on_header(bytes_at(reader.header_range())));
  ASSERT_TRUE(reader.on_tail(bytes_at(reader.tail_range())));
  HeapWatch watch;
  constexpr SegmentNumber kWindow = 16, kStep = 997;  // every so often, to keep the test short
  for (SegmentNumber first = 0; first + kWindow <= geometry_.num_segments(); first += kStep) {
    for (const Range& range : reader.wanted_nodes(first, first + kWindow).ranges())
      ASSERT_TRUE(reader.on_nodes(range.begin, bytes_at(range)));
    ASSERT_TRUE(reader.settle_nodes());
    watch.look();
    reader.forget_before(first + kWindow);
    file.crypttext().forget_leaves_before(first + kWindow);
    ASSERT_LT(file.crypttext().known_count(), 64u);
  }
  EXPECT_LT(watch.grown(), 64u * 1'024);
}

// A server audits shares of any size, ten at a time perhaps: 40000 segments here, with trees of 4 MiB.
TEST(AuditOfManySegments, holds_no_tree) {
  const Bytes plaintext = test_kit::plaintext_of(40'000);
  Bytes share;
  {
    test_kit::EncodedFile file(plaintext, make_params(1, 1, plaintext.size(), 1).value(), cap::Key::from(Bytes(16, 1)));
    share = file.share(0);
  }
  HeapWatch watch;
  const ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
    watch.look();
    HF_CHECK(offset <= share.size() && out.size() <= share.size() - offset);
    std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  };
  EXPECT_TRUE(std::holds_alternative<AuditPassed>(audit_share(share.size(), 0, at).value()));
  EXPECT_LT(watch.grown(), 1'048'576u);
  share[kHeaderBytesV1 + 20'000] ^= 1;
  const AuditVerdict verdict = audit_share(share.size(), 0, at).value();
  ASSERT_TRUE(std::holds_alternative<AuditFailed>(verdict));
  EXPECT_EQ(std::get<AuditFailed>(verdict).wrong, (RangeSet{{kHeaderBytesV1 + 20'000, kHeaderBytesV1 + 20'001}}));
}

TEST(AuditOfManySegments, passes_on_what_reading_says) {
  test_kit::EncodedFile file(test_kit::plaintext_of(300), make_params(1, 1, 300, 20).value(),
                             cap::Key::from(Bytes(16, 1)));
  const Bytes share = file.share(0);
  int calls_left = 0;
  const ShareBytesAt at = [&](std::uint64_t offset, MutableByteView out) -> Result<void> {
    if (calls_left-- <= 0) return fail(Errc::io, "a bad sector");
    std::copy_n(share.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  };
  int calls = 0;
  for (; calls < 1'000; ++calls) {
    calls_left = calls;
    const auto verdict = audit_share(share.size(), 0, at);
    if (verdict) {
      EXPECT_TRUE(std::holds_alternative<AuditPassed>(*verdict));
      break;
    }
    ASSERT_EQ(verdict.error().code, Errc::io) << "a disk that fails is no verdict on the share";
  }
  EXPECT_GT(calls, 20);
}

}  // namespace
}  // namespace holdfast::immutable
