#include "holdfast/node/gateway/digest_claims.h"

#include "holdfast/core/base/hex.h"
#include "holdfast/core/protocol/digest_fields.h"

namespace holdfast::gateway {

Result<void> read_claims(const http::Exchange& exchange, UploadAbout& about) {
  if (has_field(exchange, "Holdfast-Expect-SHA256")) {
    const auto bytes = from_hex(single_field(exchange, "Holdfast-Expect-SHA256").value_or(""));
    if (!bytes || bytes->size() != Hash::kSize)
      return fail(Errc::malformed, "Holdfast-Expect-SHA256 is not a SHA-256 in hexadecimal");
    about.sha256 = Hash::from(*bytes);
  }
  const auto digest = protocol::parse_digest_field(single_field(exchange, "Repr-Digest").value_or(""));
  if (digest && digest->algorithm == "sha-256") about.sha256 = Hash::from(digest->digest);
  if (digest && digest->algorithm == "sha-512") about.sha512 = digest->digest;
  return {};
}

void read_content_digest(const http::Exchange& exchange, AppendWish& wish) {
  const auto said = protocol::parse_digest_field(single_field(exchange, "Content-Digest").value_or(""));
  if (!said) return;  // none, or none that is known here
  wish.checksum = crypto::make_running_checksum(said->algorithm == "sha-256" ? "sha256" : "sha512");
  wish.expected = [digest = said->digest]() -> std::optional<Bytes> { return digest; };
}

io::Task<void> read_proof(UploadHandles& handles, const http::Exchange& exchange, UploadHandlePtr handle,
                          std::uint64_t offset) {
  const auto said = protocol::parse_digest_field(single_field(exchange, "Repr-Digest").value_or(""));
  if (!said || said->algorithm != "sha-256" || offset <= handle->offset() || !handle->is_receiving()) co_return;
  // When it fails nothing has changed, and the offset is not the next one: that is what is answered.
  static_cast<void>(co_await handles.prove_pending(handle, offset, Hash::from(said->digest)));
}

void add_pending(http::Headers& headers, const UploadHandle& handle) {
  const uploads::Upload& upload = *handle.upload;
  if (handle.is_receiving() && upload.has_pending())
    headers.add("Holdfast-Pending-Offset", std::to_string(upload.written));
}

}  // namespace holdfast::gateway
