#include "holdfast/core/protocol/storage_messages.h"

#include "holdfast/core/protocol/cbor_fields.h"

namespace holdfast::protocol {
namespace {

using protocol::into;  // beside those below

constexpr std::string_view kVersionKey = "http://allmydata.org/tahoe/protocols/storage/v1";
constexpr std::size_t kReasonBytesMax = 32'765;

void write_set(CborWriter& out, const ShareSet& shares) {
  out.set(shares.size());
  for (ShareNumber share : shares) out.uint(share);
}

void write_ranges(CborWriter& out, const RangeSet& ranges) {
  out.array(ranges.count());
  for (const Range& range : ranges.ranges()) {
    out.map(2);
    out.text("begin");
    out.uint(range.begin);
    out.text("end");
    out.uint(range.end);
  }
}

Result<ShareSet> read_set(CborReader& in) {
  HF_TRY(auto items, in.set());
  ShareSet out;
  for (std::size_t count = 0;; ++count) {
    HF_TRY(const bool more, items.next());
    if (!more) return out;
    if (count == kSharesMax) return fail(Errc::malformed, "a set of more than 256 share numbers");
    HF_TRY(const std::uint64_t share, in.uint());
    if (share < kSharesMax) out.insert(static_cast<ShareNumber>(share));
  }
}

ReadField into(ShareSet& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(out, read_set(in));
    return {};
  };
}

Result<RangeSet> read_ranges(CborReader& in) {
  HF_TRY(auto items, in.array());
  RangeSet out;
  for (std::size_t count = 0;; ++count) {
    HF_TRY(const bool more, items.next());
    if (!more) return out;
    if (count == kStatusRangesMax) return fail(Errc::malformed, "too many ranges");
    Range range;
    HF_TRY_VOID(read_map(in, {{"begin", into(range.begin)}, {"end", into(range.end)}}, {}));
    if (range.empty()) return fail(Errc::malformed, "an empty or reversed range");
    out.add(range);
  }
}

ReadField into(RangeSet& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(out, read_ranges(in));
    return {};
  };
}

Result<void> read_partials(CborReader& in, std::map<ShareNumber, UploadStatus::Partial>& out) {
  HF_TRY(auto pairs, in.map());
  for (std::size_t count = 0;; ++count) {
    HF_TRY(const bool more, pairs.next());
    if (!more) return {};
    if (count == kSharesMax) return fail(Errc::malformed, "more than 256 partial shares");
    HF_TRY(const std::uint64_t share, in.uint());
    UploadStatus::Partial partial;
    HF_TRY_VOID(read_map(in,
                         {{"allocated-size", into(partial.allocated_size)},
                          {"required", into(partial.required)},
                          {"idle", into(partial.idle_seconds)},
                          {"expires-in", into(partial.expires_in_seconds)},
                          {"writing", into(partial.writing), true}},
                         {.byte_keys = false, .open = true}));
    if (share >= kSharesMax) continue;
    if (!out.emplace(static_cast<ShareNumber>(share), std::move(partial)).second) {
      return fail(Errc::malformed, "a share twice in a status");
    }
  }
}

}  // namespace

Bytes encode(const ServerVersion& message) {
  CborWriter out;
  out.map(2);
  out.bytes(view_of(kVersionKey));
  out.map(3);
  out.bytes(view_of("maximum-immutable-share-size"));
  out.uint(message.maximum_immutable_share_size);
  out.bytes(view_of("maximum-mutable-share-size"));
  out.uint(message.maximum_mutable_share_size);
  out.bytes(view_of("available-space"));
  out.uint(message.available_space);
  out.bytes(view_of("application-version"));
  out.bytes(view_of(message.application_version));
  return out.take();
}

Bytes encode(const AllocateRequest& message) {
  CborWriter out;
  out.map(2);
  out.text("share-numbers");
  write_set(out, message.share_numbers);
  out.text("allocated-size");
  out.uint(message.allocated_size);
  return out.take();
}

Bytes encode(const AllocateReply& message) {
  CborWriter out;
  out.map(2);
  out.text("already-have");
  write_set(out, message.already_have);
  out.text("allocated");
  write_set(out, message.allocated);
  return out.take();
}

Bytes encode(const WriteReply& message) {
  CborWriter out;
  out.map(1);
  out.text("required");
  write_ranges(out, message.required);
  return out.take();
}

Bytes encode(const CorruptReport& message) {
  CborWriter out;
  out.map(1);
  out.text("reason");
  out.text(message.reason);
  return out.take();
}

Bytes encode(const UploadStatus& message) {
  CborWriter out;
  out.map(3);
  out.text("complete");
  write_set(out, message.complete);
  out.text("incomplete");
  out.map(message.incomplete.size());
  for (const auto& [share, partial] : message.incomplete) {
    out.uint(share);
    out.map(partial.writing.empty() ? 4 : 5);
    out.text("allocated-size");
    out.uint(partial.allocated_size);
    out.text("required");
    write_ranges(out, partial.required);
    out.text("idle");
    out.uint(partial.idle_seconds);
    out.text("expires-in");
    out.uint(partial.expires_in_seconds);
    if (partial.writing.empty()) continue;
    out.text("writing");
    write_ranges(out, partial.writing);
  }
  out.text("busy");
  write_set(out, message.busy);
  return out.take();
}

Bytes encode_share_set(const ShareSet& shares) {
  CborWriter out;
  write_set(out, shares);
  return out.take();
}

Result<ServerVersion> decode_server_version(ByteView bytes) {
  ServerVersion out;
  CborReader in(bytes);
  const auto inner = [&out](CborReader& reader) {
    return read_map(reader,
                    {{"maximum-immutable-share-size", into(out.maximum_immutable_share_size)},
                     {"maximum-mutable-share-size", into(out.maximum_mutable_share_size)},
                     {"available-space", into(out.available_space)}},
                    {.byte_keys = true, .open = false});
  };
  const auto application = [&out](CborReader& reader) -> Result<void> {
    HF_TRY(const ByteView text, reader.bytes());
    out.application_version = std::string(text_of(text));
    return {};
  };
  HF_TRY_VOID(
      read_map(in, {{kVersionKey, inner}, {"application-version", application}}, {.byte_keys = true, .open = false}));
  HF_TRY_VOID(in.end());
  return out;
}

Result<AllocateRequest> decode_allocate_request(ByteView bytes) {
  AllocateRequest out;
  HF_TRY_VOID(
      read_whole(bytes, {{"share-numbers", into(out.share_numbers)}, {"allocated-size", into(out.allocated_size)}}));
  return out;
}

Result<AllocateReply> decode_allocate_reply(ByteView bytes) {
  AllocateReply out;
  HF_TRY_VOID(read_whole(bytes, {{"already-have", into(out.already_have)}, {"allocated", into(out.allocated)}}));
  return out;
}

Result<WriteReply> decode_write_reply(ByteView bytes) {
  WriteReply out;
  HF_TRY_VOID(read_whole(bytes, {{"required", into(out.required)}}));
  return out;
}

Result<CorruptReport> decode_corrupt_report(ByteView bytes) {
  CorruptReport out;
  const auto reason = [&out](CborReader& in) -> Result<void> {
    HF_TRY(const std::string_view text, in.text());
    if (text.empty() || text.size() > kReasonBytesMax)
      return fail(Errc::malformed, "a reason of 1 to 32765 bytes is needed");
    out.reason = std::string(text);
    return {};
  };
  HF_TRY_VOID(read_whole(bytes, {{"reason", reason}}));
  return out;
}

Result<UploadStatus> decode_upload_status(ByteView bytes) {
  UploadStatus out;
  const auto partials = [&out](CborReader& in) { return read_partials(in, out.incomplete); };
  HF_TRY_VOID(
      read_whole(bytes, {{"complete", into(out.complete)}, {"incomplete", partials}, {"busy", into(out.busy)}}, true));
  return out;
}

Result<ShareSet> decode_share_set(ByteView bytes) {
  CborReader in(bytes);
  HF_TRY(ShareSet out, read_set(in));
  HF_TRY_VOID(in.end());
  return out;
}

}  // namespace holdfast::protocol
