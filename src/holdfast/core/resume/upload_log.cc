#include "holdfast/core/resume/upload_log.h"

#include <algorithm>
#include <utility>

#include "holdfast/core/base/check.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/resume/record_log.h"

namespace holdfast::resume {
namespace {

constexpr std::string_view kMagic = "HFUPLOD1";
enum Type : std::uint8_t {
  kCreation = 1,
  kLength = 2,
  kDurable = 3,
  kWithdrawn = 4,
  kHeld = 5,
  kSealed = 6,
  kStep = 7,
  kResult = 8,
  kEnded = 9,
  kJoined = 10,
};
constexpr std::size_t kReasonBytesMax = 1'024;
constexpr std::uint64_t kNoLength = ~std::uint64_t{0};
constexpr std::size_t kCreationBytes = 16 + 32 + 8 + 8;  // and `about`
constexpr std::size_t kPayloadBytesMax = kCreationBytes + kAboutBytesMax;

std::uint64_t wall_bits(std::int64_t wall) {
  return static_cast<std::uint64_t>(wall);
}

Bytes numbers(std::uint8_t type, std::initializer_list<std::uint64_t> values) {
  Bytes payload;
  for (const std::uint64_t value : values) append_be(payload, 8, value);
  return encode_record(type, payload);
}

Result<UploadCreation> decode_creation(ByteView payload) {
  if (payload.size() < kCreationBytes) return fail(Errc::malformed, "a creation that is too short");
  UploadCreation out;
  out.id = UploadId::from(payload.first(16));
  out.owner = Hash::from(payload.subspan(16, 32));
  const std::uint64_t length = load_be(payload, 48, 8);
  if (length != kNoLength && length > kUploadBytesMax) return fail(Errc::malformed, "a length that cannot be");
  if (length != kNoLength) out.length = length;
  out.created_wall = static_cast<std::int64_t>(load_be(payload, 56, 8));
  out.about = to_bytes(payload.subspan(kCreationBytes));
  return out;
}

/// Applies records to a log; every rule of what may follow on what is here.
class Applier {
 public:
  explicit Applier(UploadLog& log) : log_(log) {}

  /// False when the record makes no sense here.
  bool apply(const Record& record) {
    const ByteView p = record.payload;
    switch (record.type) {
      case kLength:
        return is_open() && p.size() == 8 && set_length(load_be(p, 0, 8));
      case kDurable:
        return is_open() && (p.size() == 16 || p.size() == 48) && set_durable(load_be(p, 0, 8)) &&
               keep_state(p.subspan(16)) && touch(p, 8);
      case kJoined:
        return is_open() && p.empty() && log_.durable == 0 && !std::exchange(log_.joined, true);
      case kWithdrawn:
        return is_open() && p.size() == 8 && withdraw(load_be(p, 0, 8));
      case kHeld:
        return is_open() && p.size() == 8 && log_.withdrawn.erase(load_be(p, 0, 8)) == 1;
      case kSealed:
        return is_open() && p.size() == 40 && seal(p) && touch(p, 32);
      case kStep:
        return log_.phase == UploadPhase::sealed && p.size() <= kProgressBytesMax && keep(log_.step, p);
      case kResult:
        return log_.phase == UploadPhase::sealed && p.size() >= 8 && p.size() <= 8 + kProgressBytesMax && commit(p);
      case kEnded:
        return log_.phase != UploadPhase::ended && p.size() >= 9 && p.size() <= 9 + kReasonBytesMax && end(p);
      default:
        return false;
    }
  }

 private:
  bool is_open() const { return log_.phase == UploadPhase::open; }
  bool touch(ByteView payload, std::size_t at) {
    log_.active_wall = std::max(log_.active_wall, static_cast<std::int64_t>(load_be(payload, at, 8)));
    return true;
  }
  static bool keep(Bytes& into, ByteView what) {
    into = to_bytes(what);
    return true;
  }
  bool set_length(std::uint64_t length) {
    if (log_.length || length > kUploadBytesMax || length < log_.durable) return false;
    log_.length = length;
    return true;
  }
  bool set_durable(std::uint64_t offset) {
    if (offset < log_.durable || offset > log_.length.value_or(kUploadBytesMax)) return false;
    log_.durable = offset;
    return true;
  }
  bool keep_state(ByteView state) {
    log_.digest_state = state.empty() ? std::nullopt : std::optional(Hash::from(state));
    return true;
  }
  bool withdraw(std::uint64_t piece) {
    if (log_.joined) return false;
    if (piece > log_.durable / kPieceBytes || piece * kPieceBytes >= log_.durable) return false;
    log_.withdrawn.insert(piece);
    log_.digest_state.reset();
    return true;
  }
  bool seal(ByteView payload) {
    if (!log_.withdrawn.empty() || log_.length != log_.durable) return false;
    log_.seal = Hash::from(payload.first(32));
    log_.phase = UploadPhase::sealed;
    return true;
  }
  bool commit(ByteView payload) {
    log_.phase = UploadPhase::committed;
    return touch(payload, 0) && keep(log_.result, payload.subspan(8));
  }
  bool end(ByteView payload) {
    const std::uint8_t how = payload[8];
    if (how > static_cast<std::uint8_t>(UploadEnd::failed)) return false;
    log_.end = static_cast<UploadEnd>(how);
    log_.reason = std::string(text_of(payload.subspan(9)));
    log_.phase = UploadPhase::ended;
    return touch(payload, 0);
  }

  UploadLog& log_;
};

}  // namespace

Bytes encode_creation(const UploadCreation& creation) {
  HF_CHECK(creation.about.size() <= kAboutBytesMax);
  HF_CHECK(creation.length.value_or(0) <= kUploadBytesMax);
  Bytes payload = to_bytes(creation.id.view());
  append(payload, creation.owner.view());
  append_be(payload, 8, creation.length.value_or(kNoLength));
  append_be(payload, 8, wall_bits(creation.created_wall));
  append(payload, creation.about);
  Bytes out = to_bytes(kMagic);
  append(out, encode_record(kCreation, payload));
  return out;
}

Bytes encode_length(std::uint64_t length) {
  return numbers(kLength, {length});
}
Bytes encode_joined() {
  return encode_record(kJoined, {});
}
Bytes encode_durable(std::uint64_t offset, std::int64_t wall, const std::optional<Hash>& digest_state) {
  Bytes payload;
  append_be(payload, 8, offset);
  append_be(payload, 8, wall_bits(wall));
  if (digest_state) append(payload, digest_state->view());
  return encode_record(kDurable, payload);
}
Bytes encode_withdrawn(std::uint64_t piece) {
  return numbers(kWithdrawn, {piece});
}
Bytes encode_held(std::uint64_t piece) {
  return numbers(kHeld, {piece});
}

Bytes encode_sealed(const Hash& digest, std::int64_t wall) {
  Bytes payload = to_bytes(digest.view());
  append_be(payload, 8, wall_bits(wall));
  return encode_record(kSealed, payload);
}

Bytes encode_step(ByteView step) {
  HF_CHECK(step.size() <= kProgressBytesMax);
  return encode_record(kStep, step);
}

Bytes encode_result(ByteView result, std::int64_t wall) {
  HF_CHECK(result.size() <= kProgressBytesMax);
  Bytes payload;
  append_be(payload, 8, wall_bits(wall));
  append(payload, result);
  return encode_record(kResult, payload);
}

Bytes encode_ended(UploadEnd end, std::string_view reason, std::int64_t wall) {
  Bytes payload;
  append_be(payload, 8, wall_bits(wall));
  append_be(payload, 1, static_cast<std::uint64_t>(end));
  append(payload, view_of(reason.substr(0, kReasonBytesMax)));
  return encode_record(kEnded, payload);
}

Result<ReplayedUpload> replay_upload(ByteView journal) {
  if (journal.size() < kMagic.size() || text_of(journal.first(kMagic.size())) != kMagic)
    return fail(Errc::malformed, "not the journal of an upload");
  std::size_t at = kMagic.size();
  const auto first = decode_record(journal, at, kPayloadBytesMax);
  if (!first || first->type != kCreation) return fail(Errc::malformed, "a journal without a whole beginning");
  ReplayedUpload out;
  HF_TRY(out.log.creation, decode_creation(first->payload));
  out.log.length = out.log.creation.length;
  out.log.active_wall = out.log.creation.created_wall;
  at += first->bytes;
  Applier applier(out.log);
  while (const auto record = decode_record(journal, at, kPayloadBytesMax)) {
    if (!applier.apply(*record)) break;
    at += record->bytes;
  }
  out.good_bytes = at;
  return out;
}

Bytes compact_upload(const UploadLog& log) {
  Bytes out = encode_creation(log.creation);
  if (log.length && !log.creation.length) append(out, encode_length(*log.length));
  if (log.joined) append(out, encode_joined());
  append(out, encode_durable(log.durable, log.active_wall, log.digest_state));
  for (const std::uint64_t piece : log.withdrawn) append(out, encode_withdrawn(piece));
  if (log.seal) append(out, encode_sealed(*log.seal, log.active_wall));
  if (!log.step.empty()) append(out, encode_step(log.step));
  const bool has_result = log.phase == UploadPhase::committed || !log.result.empty();
  if (has_result) append(out, encode_result(log.result, log.active_wall));
  if (log.phase == UploadPhase::ended) append(out, encode_ended(log.end, log.reason, log.active_wall));
  return out;
}

}  // namespace holdfast::resume
