// The encoder as an uploader drives it: bytes in any pieces, leaves and trees in any store, repairs of older
// files.
#include <gtest/gtest.h>

#include <cstdio>

#include "holdfast/core/base/netstring.h"
#include "holdfast/core/immutable/share_test_kit.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // GCC 12 has the function and no header for it
#endif

namespace holdfast::immutable {
namespace {

using test_kit::EncodedFile;
using test_kit::plaintext_of;

cap::Key some_key() {
  return cap::Key::from(Bytes(16, 9));
}

/// Hashes in a temporary file.
class SpilledStore final : public hashtree::NodeStore {
 public:
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    std::fseek(file_.get(), static_cast<long>(first * Hash::kSize), SEEK_SET);
    const bool done = std::fwrite(hashes.data(), Hash::kSize, hashes.size(), file_.get()) == hashes.size();
    return done ? Result<void>{} : fail(Errc::io, "writing hashes");
  }
  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    std::fseek(file_.get(), static_cast<long>(first * Hash::kSize), SEEK_SET);
    const bool done = std::fread(hashes.data(), Hash::kSize, hashes.size(), file_.get()) == hashes.size();
    return done ? Result<void>{} : fail(Errc::io, "reading hashes");
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_{std::tmpfile()};
};

TEST(EncoderPieces, are_the_same_bytes_however_they_are_cut) {
  for (unsigned version : {1u, 2u}) {
    const Bytes plaintext = plaintext_of(3'000);
    EncodedFile file(plaintext, make_params(3, 5, 3'000, 500).value(), some_key(), {.version = version});
    const ShareLayout& layout = file.layout();
    const Bytes shares[] = {file.share(0), file.share(4)};
    for (std::uint64_t length : {1u, 31u, 32u, 33u, 100u, 511u, 5'000u}) {
      for (std::uint64_t at = layout.data().end; at < layout.size(); at += length) {
        const Range range{at, std::min(at + length, layout.size())};
        // Alternating, so that the tree kept from the call before is that of another share.
        for (ShareNumber share : {ShareNumber{0}, ShareNumber{4}}) {
          const Bytes piece = file.encoder().share_bytes(share, range).value();
          ASSERT_TRUE(equal(piece, ByteView(shares[share == 0 ? 0 : 1]).subspan(range.begin, range.size())))
              << range.begin;
        }
      }
      for (std::uint64_t at = 0; at < layout.header().end; at += length) {
        const Range range{at, std::min(at + length, layout.header().end)};
        ASSERT_TRUE(equal(file.encoder().share_bytes(0, range).value(),
                          ByteView(shares[0]).subspan(range.begin, range.size())));
      }
    }
  }
}

TEST(EncoderPieces, of_the_header_are_there_before_any_segment) {
  const Geometry geometry = Geometry::create(make_params(3, 5, 3'000, 500).value()).value();
  Encoder encoder(geometry, ShareLayout(geometry), test_kit::memory_store);
  EXPECT_EQ(encoder.share_bytes(2, encoder.layout().header()).value(), encoder.layout().encode_header());
  EXPECT_FALSE(encoder.finished());
}

TEST(EncoderPieces, name_the_block_hashes_of_segments_already_absorbed) {
  EncodedFile file(plaintext_of(3'000), make_params(3, 5, 3'000, 500).value(), some_key());
  for (SegmentNumber s = 0; s < file.geometry().num_segments(); ++s) {
    for (ShareNumber share = 0; share < 5; ++share)
      EXPECT_EQ(file.encoder().block_hash(share, s).value(), file.segments()[s].block_hashes()[share]);
  }
}

// 50000 segments: leaves and trees of 13 MiB, none of which may stay in memory.
TEST(EncoderStores, hold_all_that_grows_with_the_number_of_segments) {
  const Geometry geometry = Geometry::create(make_params(1, 2, 50'000, 1).value()).value();
  const ShareLayout layout(geometry);
  const SegmentEncoder segments(geometry, nullptr);
  const auto spill = [](std::uint64_t) { return std::make_unique<SpilledStore>(); };
  Encoder spilled(geometry, layout, spill), in_memory(geometry, layout, test_kit::memory_store);
  ASSERT_EQ(geometry.num_segments(), 50'000u);
  const auto encode_into = [&](Encoder& encoder) {
    for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
      ASSERT_TRUE(encoder.absorb(segments.encode(s, Buffer{static_cast<std::uint8_t>(s * 7)})));
    }
    ASSERT_TRUE(encoder.finish());
  };
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const std::size_t before = __sanitizer_get_current_allocated_bytes();
  encode_into(spilled);
  EXPECT_LT(__sanitizer_get_current_allocated_bytes(), before + 256 * 1'024);
#else
  encode_into(spilled);
#endif
  encode_into(in_memory);
  EXPECT_EQ(spilled.uri_extension_hash(), in_memory.uri_extension_hash());
  for (std::uint64_t at = layout.data().end; at < layout.size(); at += 1'000'000) {
    const Range range{at, std::min<std::uint64_t>(at + 1'000'000, layout.size())};
    for (ShareNumber share : {ShareNumber{0}, ShareNumber{1}}) {
      ASSERT_EQ(spilled.share_bytes(share, range).value(), in_memory.share_bytes(share, range).value());
    }
  }
}

/// Works for so many calls of all stores together.
class FailingStore final : public hashtree::NodeStore {
 public:
  explicit FailingStore(int& calls_left) : calls_left_(calls_left) {}
  Result<void> write(std::uint64_t first, std::span<const Hash> hashes) override {
    if (calls_left_-- <= 0) return fail(Errc::no_space, "the disk is full");
    return inner_.write(first, hashes);
  }
  Result<void> read(std::uint64_t first, std::span<Hash> hashes) const override {
    if (calls_left_-- <= 0) return fail(Errc::io, "the disk is broken");
    return inner_.read(first, hashes);
  }

 private:
  int& calls_left_;
  hashtree::MemoryNodeStore inner_;
};

TEST(EncoderStores, that_fail_at_any_call_make_the_encoder_say_so) {
  const Geometry geometry = Geometry::create(make_params(2, 3, 100, 20).value()).value();
  const ShareLayout layout(geometry);
  const SegmentEncoder segments(geometry, nullptr);
  const auto encode_with = [&](int calls) -> Result<Bytes> {
    int calls_left = calls;
    const auto failing = [&](std::uint64_t) { return std::make_unique<FailingStore>(calls_left); };
    Encoder encoder(geometry, layout, failing);
    for (SegmentNumber s = 0; s < geometry.num_segments(); ++s)
      HF_TRY_VOID(encoder.absorb(segments.encode(s, Buffer(20, 1))));
    HF_TRY_VOID(encoder.finish());
    return encoder.share_bytes(1, {layout.data().end, layout.size()});
  };
  const Result<Bytes> good = encode_with(1'000'000);
  ASSERT_TRUE(good.has_value());
  int calls = 0;
  while (true) {
    const Result<Bytes> made = encode_with(calls);
    if (made) break;
    ASSERT_TRUE(made.error().code == Errc::no_space || made.error().code == Errc::io);
    ++calls;
  }
  EXPECT_GT(calls, 40) << "20 leaves, 4 trees and their reading";
  EXPECT_EQ(encode_with(calls).value(), *good);
}

class Repair : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 2'000;
  Result<std::unique_ptr<Encoder>> again(const Bytes& extension, std::uint8_t first_byte) {
    ShareLayout layout(file_.geometry(), {.extension_bytes = extension.size()});
    auto encoder = std::make_unique<Encoder>(file_.geometry(), layout, test_kit::memory_store, extension);
    const SegmentEncoder ciphertext(file_.geometry(), nullptr);
    for (const EncodedSegment& segment : file_.segments()) {
      Buffer bytes = to_buffer(segment.ciphertext());
      if (segment.number() == 0) bytes[0] ^= first_byte;
      HF_TRY_VOID(encoder->absorb(ciphertext.encode(segment.number(), std::move(bytes))));
    }
    HF_TRY_VOID(encoder->finish());
    return encoder;
  }
  const Bytes plaintext_ = plaintext_of(kSize);
  EncodedFile file_{plaintext_, make_params(2, 4, kSize, 700).value(), some_key()};
  const Bytes extension_ = to_bytes(file_.encoder().uri_extension());
};

TEST_F(Repair, from_ciphertext_makes_the_very_shares) {
  const auto encoder = again(extension_, 0).value();
  EXPECT_EQ(encoder->uri_extension_hash(), file_.claim().ueb_hash);
  const Range behind_blocks{file_.layout().data().end, file_.layout().size()};
  EXPECT_EQ(encoder->share_bytes(3, behind_blocks).value(), file_.encoder().share_bytes(3, behind_blocks).value());
}

TEST_F(Repair, keeps_the_extension_block_of_another_writer_to_the_byte) {
  Bytes older = extension_;
  append(older, "plaintext_hash:32:" + std::string(32, 'p') + ",");
  const auto encoder = again(older, 0).value();
  EXPECT_TRUE(equal(encoder->uri_extension(), older));
  Bytes share = encoder->share_bytes(1, encoder->layout().header()).value();
  for (const EncodedSegment& segment : file_.segments()) append(share, segment.block(1));
  append(share, encoder->share_bytes(1, {encoder->layout().data().end, encoder->layout().size()}).value());
  EXPECT_EQ(share.size(), encoder->layout().size());
  const FileClaim claim{uri_extension_hash(older), 2, 4, kSize};
  FileState file(claim);
  ShareReader reader(file, 1);
  EXPECT_TRUE(test_kit::open_copy(reader, share));
  EXPECT_TRUE(test_kit::fetch_nodes(reader, share, 0, 3));
  EXPECT_TRUE(reader.check_block(2, test_kit::served(share, reader.block_range(2, 3))));
}

TEST_F(Repair, under_another_share_root_fails_although_the_ciphertext_is_right) {
  const std::string key = "share_root_hash:32:";
  Bytes other = extension_;
  other[text_of(other).find(key) + key.size()] ^= 1;
  const auto made = again(other, 0);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::corrupt);
}

TEST_F(Repair, of_other_contents_fails_rather_than_making_another_file) {
  const auto made = again(extension_, 1);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Errc::corrupt);
}

}  // namespace
}  // namespace holdfast::immutable
