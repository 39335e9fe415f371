// A client that uploads one share, and remembers what it was told.
#pragma once

#include "holdfast/core/immutable/encoder.h"
#include "holdfast/node/storage/share_store.h"
#include "support/seeded_random.h"

namespace holdfast::storage::test {

inline StorageIndex sample_index() {
  return StorageIndex::from(Bytes(16, 0x5a));
}
inline Secret secret_of(char byte) {
  return Secret(Bytes(32, static_cast<std::uint8_t>(byte)));
}

/// A share as the encoder makes it, of a file of six segments.
inline Bytes sample_share(ShareNumber number) {
  const immutable::Geometry geometry =
      immutable::Geometry::create(immutable::make_params(3, 10, 6'000, 1'024).value()).value();
  const auto stores = [](std::uint64_t) { return std::make_unique<hashtree::MemoryNodeStore>(); };
  immutable::Encoder encoder(geometry, immutable::ShareLayout(geometry), stores);
  const immutable::SegmentEncoder segments(geometry, nullptr);
  holdfast::test::SeededRandom ciphertext(7);
  Bytes blocks;
  for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
    const immutable::EncodedSegment segment =
        segments.encode(s, to_buffer(ciphertext.bytes(geometry.segment_bytes(s))));
    append(blocks, segment.block(number));
    HF_CHECK(encoder.absorb(segment).has_value());
  }
  HF_CHECK(encoder.finish().has_value());
  Bytes out = encoder.share_bytes(number, encoder.layout().header()).value();
  append(out, blocks);
  append(out, encoder.share_bytes(number, {encoder.layout().data().end, encoder.layout().size()}).value());
  return out;
}

/// Resumes where the server says.
struct Client {
  explicit Client(ShareNumber share_number = 4, char upload_secret = 'u')
      : number(share_number), secret(secret_of(upload_secret)) {}

  ShareNumber number;
  Secret secret;
  bool resumable = true;
  std::uint64_t patch_bytes = 1'000;
  Bytes share = sample_share(number);

  RangeSet acknowledged, sent;
  bool done = false;

  Range whole() const { return {0, share.size()}; }

  ShareStore::Allocation allocation() const {
    ShareStore::Allocation out;
    out.request.share_numbers = {number};
    out.request.allocated_size = share.size();
    out.lease = {0, secret_of('r'), secret_of('c')};
    out.upload_secret = secret;
    out.resumable = resumable;
    return out;
  }

  /// One PATCH; the answer is taken at its word.
  io::Task<Result<RangeSet>> patch(ShareStore* store, Range range) {
    HF_CO_TRY(const auto writer, store->begin_write(sample_index(), number, secret, range, std::nullopt));
    const auto part_of = [&](Range part) { return to_buffer(ByteView(share).subspan(part.begin, part.size())); };
    const std::uint64_t middle = (range.begin + range.end) / 2;
    for (const Range& part : RangeSet{{range.begin, middle}}.ranges()) {
      sent.add(part);
      Buffer first = part_of(part);
      HF_CO_TRY_VOID(co_await writer->append(std::move(first)));
    }
    sent.add(Range{middle, range.end});
    Buffer last = part_of({middle, range.end});
    HF_CO_TRY_VOID(co_await writer->append(std::move(last)));
    HF_CO_TRY(const ShareStore::Writer::Outcome outcome, co_await writer->finish());
    done = done || outcome.complete;
    acknowledged.add(outcome.required.gaps(whole()));
    co_return outcome.required;
  }

  /// From allocate to complete, or to the first failure (cancelled: after so many PATCHes).
  io::Task<Result<void>> upload(ShareStore* store, std::size_t patches = 100) {
    ShareStore::Allocation wish = allocation();
    HF_CO_TRY(const protocol::AllocateReply reply, co_await store->allocate(sample_index(), std::move(wish)));
    done = done || reply.already_have.contains(number);
    if (done) co_return Result<void>{};
    if (!reply.allocated.contains(number)) co_return fail(Errc::no_space, "not allocated");
    HF_CO_TRY(const protocol::UploadStatus status, co_await store->status(sample_index(), secret));
    if (!status.incomplete.contains(number)) co_return fail(Errc::not_found, "not in the status");
    RangeSet required = status.incomplete.at(number).required;
    acknowledged.add(required.gaps(whole()));
    while (!done) {
      if (patches-- == 0) co_return fail(Errc::cancelled, "that was enough");
      Range next = required.empty() ? Range{share.size() - 1, share.size()} : required.front();
      next.end = std::min(next.end, next.begin + patch_bytes);
      HF_CO_TRY(required, co_await patch(store, next));
    }
    co_return Result<void>{};
  }
};

}  // namespace holdfast::storage::test
