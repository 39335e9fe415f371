#include "holdfast/core/protocol/helper_messages.h"

#include <array>
#include <limits>

#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/cbor_fields.h"

namespace holdfast::protocol {
namespace {

using Kind = HelperState::Kind;

constexpr std::array<std::string_view, 7> kKinds{"present", "receiving", "repairing", "encoding",
                                                 "pushing", "done",      "failed"};
constexpr std::size_t kGridServersMax = 4096;
constexpr std::size_t kShareServersMax = 256;
constexpr std::string_view kPiecesHead = "sha-256=:";

void text_pair(CborWriter& out, std::string_view key, std::string_view value) {
  out.text(key);
  out.text(value);
}

void uint_pair(CborWriter& out, std::string_view key, std::uint64_t value) {
  out.text(key);
  out.uint(value);
}

void write_texts(CborWriter& out, const std::vector<std::string>& texts) {
  out.array(texts.size());
  for (const std::string& text : texts) out.text(text);
}

Result<std::vector<std::string>> read_texts(CborReader& in, std::size_t max) {
  HF_TRY(auto items, in.array());
  std::vector<std::string> out;
  for (;;) {
    HF_TRY(const bool more, items.next());
    if (!more) return out;
    if (out.size() == max) return fail(Errc::malformed, "too many servers in a list");
    HF_TRY(const std::string_view text, in.text());
    out.emplace_back(text);
  }
}

Result<std::vector<Hash>> read_hashes(CborReader& in, std::size_t max) {
  HF_TRY(auto items, in.array());
  std::vector<Hash> out;
  for (;;) {
    HF_TRY(const bool more, items.next());
    if (!more) return out;
    if (out.size() == max) return fail(Errc::malformed, "too many hashes in a list");
    HF_TRY(const ByteView bytes, in.bytes());
    if (bytes.size() != Hash::kSize) return fail(Errc::malformed, "a hash that has not 32 bytes");
    out.push_back(Hash::from(bytes));
  }
}

Result<HelperState::Shares> read_shares(CborReader& in) {
  HF_TRY(auto pairs, in.map());
  HelperState::Shares out;
  for (std::size_t count = 0;; ++count) {
    HF_TRY(const bool more, pairs.next());
    if (!more) return out;
    if (count == kSharesMax) return fail(Errc::malformed, "more than 256 shares");
    HF_TRY(const std::uint64_t share, in.uint());
    HF_TRY(auto servers, read_texts(in, kShareServersMax));
    if (share >= kSharesMax) continue;
    if (!out.emplace(static_cast<ShareNumber>(share), std::move(servers)).second)
      return fail(Errc::malformed, "a share twice");
  }
}

ReadField into_count(unsigned& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(const std::uint64_t value, in.uint());
    if (value > std::numeric_limits<std::uint16_t>::max()) return fail(Errc::malformed, "a count beyond 16 bits");
    out = static_cast<unsigned>(value);
    return {};
  };
}

ReadField into_kind(Kind& out) {
  return [&out](CborReader& in) -> Result<void> {
    HF_TRY(const std::string_view text, in.text());
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      if (kKinds[i] != text) continue;
      out = static_cast<Kind>(i);
      return {};
    }
    return fail(Errc::malformed, "an unknown state of an upload");
  };
}

/// What a state must come with.
Result<void> check_state(const HelperState& state, bool has_offset) {
  if (state.kind == Kind::receiving && (state.upload.empty() || !has_offset))
    return fail(Errc::malformed, "a state receiving needs upload and offset");
  if ((state.kind == Kind::present || state.kind == Kind::done) && state.ueb.empty())
    return fail(Errc::malformed, "what is in the grid needs its ueb");
  return {};
}

void write_found(CborWriter& out, const HelperState& message) {
  out.text("ueb");
  out.bytes(message.ueb);
  out.text("shares");
  out.map(message.shares.size());
  for (const auto& [share, servers] : message.shares) {
    out.uint(share);
    write_texts(out, servers);
  }
}

}  // namespace

std::string_view to_string(Kind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

Bytes encode(const HelperVersion& message) {
  CborWriter out;
  out.map(8);
  uint_pair(out, "protocol", message.protocol);
  text_pair(out, "application", message.application);
  out.text("grid");
  write_texts(out, message.grid);
  uint_pair(out, "space", message.space);
  uint_pair(out, "size-max", message.size_max);
  uint_pair(out, "retention", message.retention_seconds);
  uint_pair(out, "idle", message.idle_seconds);
  uint_pair(out, "piece-size", kHelperPieceBytes);
  return out.take();
}

Bytes encode(const HelperRequest& message) {
  CborWriter out;
  out.map(7);
  uint_pair(out, "size", message.size);
  uint_pair(out, "needed", message.needed);
  uint_pair(out, "total", message.total);
  uint_pair(out, "happy", message.happy);
  uint_pair(out, "segment-size", message.segment_size);
  out.text("reject");
  out.array(message.reject.size());
  for (const Hash& hash : message.reject) out.bytes(hash.view());
  out.text("prove");
  out.boolean(message.prove);
  return out.take();
}

Bytes encode(const HelperState& message) {
  CborWriter out;
  const auto head = [&](std::size_t pairs) {
    out.map(1 + pairs);
    text_pair(out, "state", to_string(message.kind));
  };
  switch (message.kind) {
    case Kind::receiving:
      head(3);
      text_pair(out, "upload", message.upload);
      uint_pair(out, "offset", message.offset);
      out.text("busy");
      out.boolean(message.busy);
      break;
    case Kind::repairing:
    case Kind::encoding:
    case Kind::pushing:
      head(2);
      uint_pair(out, "done-bytes", message.done_bytes);
      uint_pair(out, "total-bytes", message.total_bytes);
      break;
    case Kind::present:
    case Kind::done:
      head(2);
      write_found(out, message);
      break;
    case Kind::failed:
      head(1);
      text_pair(out, "reason", message.reason);
      break;
  }
  return out.take();
}

Bytes encode(const HelperDigests& message) {
  CborWriter out;
  out.map(3);
  uint_pair(out, "first", message.first);
  uint_pair(out, "offset", message.offset);
  Bytes digests;
  digests.reserve(message.digests.size() * Hash::kSize);
  for (const Hash& digest : message.digests) append(digests, digest.view());
  out.text("digests");
  out.bytes(digests);
  return out.take();
}

Result<HelperVersion> decode_helper_version(ByteView bytes) {
  HelperVersion out;
  std::uint64_t piece_bytes = kHelperPieceBytes;
  const auto grid = [&out](CborReader& in) -> Result<void> {
    HF_TRY(out.grid, read_texts(in, kGridServersMax));
    return {};
  };
  HF_TRY_VOID(read_whole(bytes,
                         {{"protocol", into(out.protocol)},
                          {"application", into(out.application)},
                          {"grid", grid},
                          {"space", into(out.space)},
                          {"size-max", into(out.size_max)},
                          {"retention", into(out.retention_seconds)},
                          {"idle", into(out.idle_seconds)},
                          {"piece-size", into(piece_bytes)}},
                         true));
  if (piece_bytes != kHelperPieceBytes) return fail(Errc::malformed, "pieces of another size");
  return out;
}

Result<HelperRequest> decode_helper_request(ByteView bytes) {
  HelperRequest out;
  const auto reject = [&out](CborReader& in) -> Result<void> {
    HF_TRY(out.reject, read_hashes(in, kHelperRejectMax));
    return {};
  };
  const auto prove = [&out](CborReader& in) -> Result<void> {
    HF_TRY(out.prove, in.boolean());
    return {};
  };
  HF_TRY_VOID(read_whole(bytes,
                         {{"size", into(out.size)},
                          {"needed", into_count(out.needed)},
                          {"total", into_count(out.total)},
                          {"happy", into_count(out.happy)},
                          {"segment-size", into(out.segment_size)},
                          {"reject", reject, true},
                          {"prove", prove, true}},
                         true));
  return out;
}

Result<HelperState> decode_helper_state(ByteView bytes) {
  HelperState out;
  bool has_offset = false;
  const auto offset = [&](CborReader& in) -> Result<void> {
    has_offset = true;
    return into(out.offset)(in);
  };
  const auto shares = [&out](CborReader& in) -> Result<void> {
    HF_TRY(out.shares, read_shares(in));
    return {};
  };
  HF_TRY_VOID(read_whole(bytes,
                         {{"state", into_kind(out.kind)},
                          {"upload", into(out.upload), true},
                          {"offset", offset, true},
                          {"busy", into(out.busy), true},
                          {"done-bytes", into(out.done_bytes), true},
                          {"total-bytes", into(out.total_bytes), true},
                          {"ueb", into(out.ueb), true},
                          {"shares", shares, true},
                          {"reason", into(out.reason), true}},
                         true));
  HF_TRY_VOID(check_state(out, has_offset));
  return out;
}

Result<HelperDigests> decode_helper_digests(ByteView bytes) {
  HelperDigests out;
  const auto digests = [&out](CborReader& in) -> Result<void> {
    HF_TRY(const ByteView run, in.bytes());
    if (run.size() % Hash::kSize != 0) return fail(Errc::malformed, "digests that are not whole");
    if (run.size() / Hash::kSize > kHelperDigestsMax) return fail(Errc::malformed, "too many digests");
    for (std::size_t at = 0; at < run.size(); at += Hash::kSize)
      out.digests.push_back(Hash::from(run.subspan(at, Hash::kSize)));
    return {};
  };
  HF_TRY_VOID(
      read_whole(bytes, {{"first", into(out.first)}, {"offset", into(out.offset)}, {"digests", digests}}, true));
  return out;
}

std::string format_pieces_field(const Hash& digest) {
  return std::string(kPiecesHead) + base64_encode(digest.view()) + ":";
}

Result<Hash> parse_pieces_field(std::string_view field) {
  if (!field.starts_with(kPiecesHead) || field.size() == kPiecesHead.size() || !field.ends_with(':'))
    return fail(Errc::malformed, "Holdfast-Pieces is sha-256=:base64:");
  field.remove_prefix(kPiecesHead.size());
  field.remove_suffix(1);
  HF_TRY(const Bytes digest, base64_decode(field));
  if (digest.size() != Hash::kSize) return fail(Errc::malformed, "a digest that has not 32 bytes");
  return Hash::from(digest);
}

}  // namespace holdfast::protocol
