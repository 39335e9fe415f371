#include "holdfast/node/gateway/upload_handle.h"

#include "holdfast/core/protocol/cbor_fields.h"

namespace holdfast::gateway {
namespace {

using protocol::into;

Result<Hash> hash_of(const Bytes& bytes) {
  if (bytes.size() != Hash::kSize) return fail(Errc::malformed, "a digest of another length");
  return Hash::from(bytes);
}

protocol::ReadField into_list(std::vector<std::string>& out) {
  return [&out](protocol::CborReader& in) -> Result<void> {
    HF_TRY(auto items, in.array());
    for (;;) {
      HF_TRY(const bool more, items.next());
      if (!more) return {};
      HF_TRY(const std::string_view text, in.text());
      out.emplace_back(text);
    }
  };
}

}  // namespace

Bytes encode(const UploadAbout& about) {
  protocol::CborWriter out;
  out.map(about.sha512.empty() ? 7 : 8);
  out.text("dialect");
  out.uint(static_cast<std::uint64_t>(about.dialect));
  out.text("metadata");
  out.bytes(view_of(about.metadata));
  out.text("name");
  out.bytes(view_of(about.name));
  out.text("type");
  out.bytes(view_of(about.media_type));
  out.text("sha256");
  out.bytes(about.sha256 ? about.sha256->view() : ByteView());
  if (!about.sha512.empty()) {
    out.text("sha512");
    out.bytes(about.sha512);
  }
  out.text("partial");
  out.boolean(about.partial);
  out.text("parts");
  out.array(about.parts.size());
  for (const std::string& part : about.parts) out.text(part);
  return out.take();
}

Result<UploadAbout> decode_upload_about(ByteView bytes) {
  UploadAbout out;
  std::uint64_t dialect = 0;
  Bytes metadata, name, type, sha256;
  HF_TRY_VOID(protocol::read_whole(bytes, {{"dialect", into(dialect)},
                                           {"metadata", into(metadata)},
                                           {"name", into(name)},
                                           {"type", into(type)},
                                           {"sha256", into(sha256)},
                                           {"sha512", into(out.sha512), true},
                                           {"partial", into(out.partial)},
                                           {"parts", into_list(out.parts)}}));
  if (!out.sha512.empty() && out.sha512.size() != 64) return fail(Errc::malformed, "a digest of another length");
  if (dialect > static_cast<std::uint64_t>(UploadAbout::Dialect::plain))
    return fail(Errc::malformed, "an unknown dialect");
  out.dialect = static_cast<UploadAbout::Dialect>(dialect);
  out.metadata = std::string(text_of(metadata));
  out.name = std::string(text_of(name));
  out.media_type = std::string(text_of(type));
  if (!sha256.empty()) {
    HF_TRY(out.sha256, hash_of(sha256));
  }
  return out;
}

Bytes encode(const UploadResult& result) {
  protocol::CborWriter out;
  out.map(4);
  out.text("cap");
  out.text(result.cap);
  out.text("size");
  out.uint(result.size);
  out.text("sha256");
  out.bytes(result.sha256.view());
  out.text("seconds");
  out.uint(result.seconds);
  return out.take();
}

Result<UploadResult> decode_upload_result(ByteView bytes) {
  UploadResult out;
  Bytes sha256;
  HF_TRY_VOID(protocol::read_whole(
      bytes,
      {{"cap", into(out.cap)}, {"size", into(out.size)}, {"sha256", into(sha256)}, {"seconds", into(out.seconds)}}));
  HF_TRY(out.sha256, hash_of(sha256));
  return out;
}

std::uint64_t UploadHandle::offset() const {
  if (parts.empty() || !upload->is_open()) return upload->log.durable;
  std::uint64_t sum = 0;
  for (const auto& part : parts) sum += part->upload->log.durable;
  return sum;
}

std::optional<std::uint64_t> UploadHandle::length() const {
  if (parts.empty() || !upload->is_open()) return upload->log.length;
  std::uint64_t sum = 0;
  for (const auto& part : parts) {
    if (!part->upload->log.length) return std::nullopt;
    sum += *part->upload->log.length;
  }
  return sum;
}

bool UploadHandle::is_whole() const {
  return state != State::receiving || length() == offset();
}

std::string_view UploadHandle::told_state() const {
  const bool cancelled =
      upload->log.phase == resume::UploadPhase::ended && upload->log.end == resume::UploadEnd::cancelled;
  if (cancelled) return "cancelled";
  switch (state) {
    case UploadHandle::State::receiving:
      return "receiving";
    case UploadHandle::State::committing:
      return "committing";
    case UploadHandle::State::waiting:
      return "waiting";
    case UploadHandle::State::committed:
      return "committed";
    case UploadHandle::State::failed:
      return "failed";
  }
  return "";
}

std::string upload_name(std::string_view kind, std::string_view key) {
  constexpr std::size_t kBytes = 20;
  return std::string(kind) + to_hex(crypto::sha256(view_of(key)).view().first(kBytes));
}

}  // namespace holdfast::gateway
