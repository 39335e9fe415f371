// Whole files in memory for tests and fuzzers: made into shares, read back from shares as a downloader does.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "holdfast/core/cap/cap.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/immutable/encoder.h"
#include "holdfast/core/immutable/share_reader.h"

namespace holdfast::immutable::test_kit {

/// The content rule of the recorded shares.
inline Bytes plaintext_of(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>((i * 7 + 3) % 251);
  return out;
}

inline std::unique_ptr<hashtree::NodeStore> memory_store(std::uint64_t) {
  return std::make_unique<hashtree::MemoryNodeStore>();
}

inline cap::Key convergent_key(ByteView plaintext, const Params& params, const Secret& convergence) {
  cap::ConvergentKeyHasher hasher(params.k, params.n, params.segment_size, convergence);
  hasher.update(plaintext);
  return hasher.finish();
}

/// One file, encoded, with all its blocks.
class EncodedFile {
 public:
  EncodedFile(ByteView plaintext, const Params& params, const cap::Key& key, ShareLayout::Choice choice = {})
      : key_(key),
        geometry_(Geometry::create(params).value()),
        encoder_(geometry_, ShareLayout(geometry_, choice), memory_store) {
    const SegmentEncoder segment_encoder(geometry_, &key_);
    for (SegmentNumber s = 0; s < geometry_.num_segments(); ++s) {
      const Range range = geometry_.segment_range(s);
      segments_.push_back(segment_encoder.encode(s, to_buffer(plaintext.subspan(range.begin, range.size()))));
      HF_CHECK(encoder_.absorb(segments_.back()).has_value());
    }
    HF_CHECK(encoder_.finish().has_value());
  }

  const cap::Key& key() const { return key_; }
  const Geometry& geometry() const { return geometry_; }
  const ShareLayout& layout() const { return encoder_.layout(); }
  const std::vector<EncodedSegment>& segments() const { return segments_; }
  Encoder& encoder() { return encoder_; }

  Bytes share(ShareNumber number) {
    Bytes out = encoder_.share_bytes(number, layout().header()).value();
    for (const EncodedSegment& segment : segments_) append(out, segment.block(number));
    append(out, encoder_.share_bytes(number, {layout().data().end, layout().size()}).value());
    return out;
  }
  FileClaim claim() const {
    return {encoder_.uri_extension_hash(), encoder_.params().k, encoder_.params().n, encoder_.params().size};
  }
  cap::ChkReadCap cap() const {
    cap::ChkReadCap out;
    out.key = key_;
    out.ueb_hash = encoder_.uri_extension_hash();
    out.k = static_cast<std::uint16_t>(encoder_.params().k);
    out.n = static_cast<std::uint16_t>(encoder_.params().n);
    out.size = encoder_.params().size;
    return out;
  }

 private:
  cap::Key key_;
  Geometry geometry_;
  Encoder encoder_;
  std::vector<EncodedSegment> segments_;
};

/// What a server answers: less than asked for where the share ends.
inline ByteView served(ByteView share, Range range) {
  const std::uint64_t begin = std::min<std::uint64_t>(range.begin, share.size());
  const std::uint64_t end = std::clamp<std::uint64_t>(range.end, begin, share.size());
  return share.subspan(begin, end - begin);
}

inline Result<void> open_copy(ShareReader& reader, ByteView share) {
  HF_TRY_VOID(reader.on_header(served(share, reader.header_range())));
  return reader.on_tail(served(share, reader.tail_range()));
}

inline Result<void> fetch_nodes(ShareReader& reader, ByteView share, SegmentNumber first, SegmentNumber end) {
  for (const Range& range : reader.wanted_nodes(first, end).ranges()) {
    HF_TRY_VOID(reader.on_nodes(range.begin, served(share, range)));
  }
  return reader.settle_nodes();
}

inline Result<void> check_blocks(const ShareReader& reader, SegmentNumber first, SegmentNumber end, ByteView bytes) {
  HF_TRY(const BlockCheck check, reader.block_check(first, end));
  return check(bytes);
}

struct CopyOf {
  ShareNumber number;
  ByteView share;
};

/// Reads everything from exactly these k copies; the first failure of any ends it. Without a key: the
/// ciphertext.
inline Result<Bytes> read_file(const FileClaim& claim, const cap::Key* key, const std::vector<CopyOf>& copies) {
  FileState file(claim);
  std::vector<ShareReader> readers;
  readers.reserve(copies.size());
  std::vector<ShareNumber> numbers;
  for (const CopyOf& copy : copies) {
    numbers.push_back(copy.number);
    HF_TRY_VOID(open_copy(readers.emplace_back(file, copy.number), copy.share));
  }
  const std::uint64_t segments = file.geometry().num_segments();
  for (std::size_t i = 0; i < copies.size(); ++i) HF_TRY_VOID(fetch_nodes(readers[i], copies[i].share, 0, segments));
  const SegmentDecoder decoder(file.geometry(), key);
  Bytes out;
  for (SegmentNumber s = 0; s < segments; ++s) {
    std::vector<ByteView> blocks;
    for (std::size_t i = 0; i < copies.size(); ++i) {
      const ByteView block = served(copies[i].share, readers[i].block_range(s, s + 1));
      HF_TRY_VOID(readers[i].check_block(s, block));
      blocks.push_back(block);
    }
    const std::optional<Hash> expected = file.crypttext().leaf(s);
    if (!expected) return fail(Errc::corrupt, "a segment without its hash");
    HF_TRY(const Buffer segment, decoder.decode(s, numbers, blocks, *expected));
    append(out, segment);
  }
  return out;
}

}  // namespace holdfast::immutable::test_kit
