#include "holdfast/node/gateway/tus_dialect.h"

#include "holdfast/core/base/hex.h"
#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/tus_fields.h"
#include "holdfast/edge/http/text.h"
#include "holdfast/node/gateway/digest_claims.h"
#include "holdfast/node/gateway/refusals.h"
#include "holdfast/node/gateway/trailer_checksum.h"

namespace holdfast::gateway {
namespace {

using End = AppendOutcome::End;

constexpr std::size_t kIdempotencyKeyBytesMax = 255;

/// Hexadecimal, base64 or the bytes themselves, as clients have it in metadata.
std::optional<Hash> sha256_of(const std::string& text) {
  std::optional<Bytes> bytes = from_hex(text);
  if (const Result<Bytes> decoded = protocol::base64_decode(text); !bytes && decoded) bytes = *decoded;
  if (!bytes && text.size() == Hash::kSize) bytes = to_bytes(text);  // metadata is base64 already: once is enough
  if (!bytes || bytes->size() != Hash::kSize) return std::nullopt;
  return Hash::from(*bytes);
}

class TusRequest {
 public:
  TusRequest(const UploadDesk& desk, WebRequest request)
      : desk_(desk), handles_(desk.handles), exchange_(request.exchange) {}

  io::Task<void> create();
  io::Task<void> on(std::string_view method, UploadHandlePtr handle);

 private:
  struct Creation {
    UploadHandles::NewHandle wanted;
    bool final = false;
  };
  struct Refusal {
    unsigned status;
    std::string why;
  };

  http::Headers fields() const {
    http::Headers out;
    out.add("Tus-Resumable", std::string(kTusVersion));
    return out;
  }
  io::Task<void> refuse(unsigned status, std::string why, UploadHandlePtr about = nullptr) {
    http::Headers out = fields();
    if (status == 412) out.add("Tus-Version", std::string(kTusVersion));
    if (about != nullptr) out.add("Location", upload_url(desk_, exchange_, *about));
    if (status == 413) add_max_size(out);
    return answer_problem(exchange_, status, "", why, std::move(out));
  }
  void add_max_size(http::Headers& out) const {
    const std::uint64_t most = handles_.store().options().upload_bytes_max;
    if (most < std::uint64_t{1} << 62U) out.add("Tus-Max-Size", std::to_string(most));
  }
  void add_expiry(http::Headers& out, const UploadHandle& handle) const {
    if (!handle.is_receiving()) return;
    const std::int64_t seconds =
        handles_.loop().wall_seconds() + static_cast<std::int64_t>(handles_.store().expires_in(*handle.upload));
    out.add("Upload-Expires", http::http_date(seconds));
  }
  bool version_fits() const { return single_field(exchange_, "Tus-Resumable") == kTusVersion; }

  std::optional<Refusal> read_lengths(Creation& out, bool body) const;
  std::optional<Refusal> read_parts(UploadAbout& about, const std::vector<std::string>& urls) const;
  std::optional<Refusal> read_creation(Creation& out) const;
  std::optional<Refusal> read_checksum(AppendWish& wish);
  io::Task<void> repeat_creation(UploadHandlePtr handle, const Creation& asked);
  io::Task<void> head(UploadHandlePtr handle);
  io::Task<void> patch(UploadHandlePtr handle);
  io::Task<void> answer_append(UploadHandlePtr handle, const AppendOutcome& outcome, bool created);
  bool trailer_is_unknown() const;

  const UploadDesk& desk_;
  UploadHandles& handles_;
  http::Exchange& exchange_;
};

std::optional<TusRequest::Refusal> TusRequest::read_lengths(Creation& out, bool body) const {
  const bool has_length = has_field(exchange_, "Upload-Length"), defers = has_field(exchange_, "Upload-Defer-Length");
  if (out.final) {
    if (has_length || defers || body) return Refusal{400, "a concatenation has no length and no body of its own"};
    return std::nullopt;
  }
  if (has_length == defers) return Refusal{400, "either Upload-Length or Upload-Defer-Length must be there"};
  if (defers) {
    if (single_field(exchange_, "Upload-Defer-Length") == "1") return std::nullopt;
    return Refusal{400, "Upload-Defer-Length can only be 1"};
  }
  out.wanted.length = protocol::parse_tus_count(single_field(exchange_, "Upload-Length").value_or(""));
  if (!out.wanted.length) return Refusal{400, "Upload-Length is not a number"};
  return std::nullopt;
}

std::optional<TusRequest::Refusal> TusRequest::read_parts(UploadAbout& about,
                                                          const std::vector<std::string>& urls) const {
  for (const std::string& url : urls) {
    const std::size_t slash = url.rfind('/');
    const UploadHandlePtr part = handles_.find_by_token(std::string_view(url).substr(slash + 1));  // npos + 1 is 0
    if (part == nullptr || part->has_ended()) return Refusal{404, "one of the uploads to be joined is not there"};
    if (!part->about.partial) return Refusal{400, "only partial uploads can be joined"};
    about.parts.push_back(part->upload->name());
  }
  return std::nullopt;
}

std::optional<TusRequest::Refusal> TusRequest::read_creation(Creation& out) const {
  const bool body = has_body(exchange_);
  if (body && media_type_of_body(exchange_) != kTusMedia)
    return Refusal{415, "the body must be " + std::string(kTusMedia)};
  UploadAbout& about = out.wanted.about;
  about.dialect = UploadAbout::Dialect::tus;
  std::vector<std::string> urls;
  if (has_field(exchange_, "Upload-Concat")) {
    Result<protocol::TusConcat> concat =
        protocol::parse_tus_concat(single_field(exchange_, "Upload-Concat").value_or(""));
    if (!concat) return Refusal{400, concat.error().what};
    out.final = concat->final;
    about.partial = !concat->final;
    urls = std::move(concat->urls);
  }
  if (auto refusal = read_lengths(out, body)) return refusal;
  if (const Result<void> claims = read_claims(exchange_, about); !claims) return Refusal{400, claims.error().what};
  if (has_field(exchange_, "Upload-Metadata")) {
    about.metadata = std::string(single_field(exchange_, "Upload-Metadata").value_or(","));
    const Result<protocol::TusMetadata> metadata = protocol::parse_tus_metadata(about.metadata);
    if (!metadata) return Refusal{400, metadata.error().what};
    about.name = metadata->first_of({"filename", "name"});
    about.media_type = metadata->first_of({"filetype", "type"});
    const std::string digest = metadata->first_of({"sha256"});
    if (!digest.empty()) about.sha256 = sha256_of(digest);
    if (!about.sha256 && !digest.empty()) return Refusal{400, "sha256 in Upload-Metadata is no SHA-256"};
  }
  if (const auto key = single_field(exchange_, "Idempotency-Key")) {
    if (key->empty() || key->size() > kIdempotencyKeyBytesMax) return Refusal{400, "Idempotency-Key is too long"};
    out.wanted.name = upload_name("once-", *key);
  }
  return read_parts(about, urls);
}

io::Task<void> TusRequest::create() {
  if (!version_fits()) co_return co_await refuse(412, "only tus 1.0.0 is spoken here");
  Creation asked;
  const std::optional<Refusal> refusal = read_creation(asked);
  if (refusal) co_return co_await refuse(refusal->status, refusal->why);
  const UploadHandlePtr former = handles_.find_by_name(asked.wanted.name);
  if (former != nullptr && !former->has_ended()) co_return co_await repeat_creation(former, asked);
  AppendWish wish;
  const std::optional<Refusal> bad_checksum = read_checksum(wish);
  if (bad_checksum) co_return co_await refuse(bad_checksum->status, bad_checksum->why);
  Result<UploadHandlePtr> made = co_await handles_.create(std::move(asked.wanted));
  if (!made) {
    const bool wrong_digest = made.error().code == Errc::corrupt;
    co_return co_await refuse(wrong_digest ? 460 : status_of_creation(made.error().code), made.error().what);
  }
  if (has_body(exchange_)) {
    wish.offset = 0;
    wish.content_length = exchange_.request().content_length;
    wish.completes_at_length = true;
    const AppendOutcome outcome = co_await handles_.append(*made, std::move(wish), exchange_.body());
    co_return co_await answer_append(*made, outcome, true);
  }
  http::Headers out = fields();
  out.add("Location", upload_url(desk_, exchange_, **made));
  add_expiry(out, **made);
  add_state(out, desk_, exchange_, **made);
  co_await answer(exchange_, 201, std::move(out));
}

io::Task<void> TusRequest::repeat_creation(UploadHandlePtr handle, const Creation& asked) {
  const UploadAbout& about = asked.wanted.about;
  const bool same = handle->upload->log.creation.length == asked.wanted.length &&
                    handle->about.metadata == about.metadata && handle->about.parts == about.parts &&
                    handle->about.partial == about.partial;
  if (!same) co_return co_await refuse(422, "that Idempotency-Key was used for another upload");
  http::Headers out = fields();
  out.add("Location", upload_url(desk_, exchange_, *handle));
  out.add("Upload-Offset", std::to_string(handle->offset()));
  add_expiry(out, *handle);
  add_state(out, desk_, exchange_, *handle);
  co_await answer(exchange_, 201, std::move(out));
}

std::optional<TusRequest::Refusal> TusRequest::read_checksum(AppendWish& wish) {
  if (has_field(exchange_, "Upload-Checksum")) {
    const auto said = protocol::parse_tus_checksum(single_field(exchange_, "Upload-Checksum").value_or(""));
    if (!said) return Refusal{400, said.error().what};
    wish.checksum = crypto::make_running_checksum(said->algorithm);
    if (wish.checksum == nullptr) return Refusal{400, "that checksum algorithm is not known here"};
    wish.expected = [digest = said->digest]() -> std::optional<Bytes> { return digest; };
    return std::nullopt;
  }
  const std::string_view trailer = single_field(exchange_, "Trailer").value_or("");
  if (!exchange_.request().chunked || !http::list_has(trailer, "Upload-Checksum")) return std::nullopt;
  auto any = std::make_unique<TrailerChecksum>();
  wish.expected = [this, sum = any.get()]() -> std::optional<Bytes> {
    const auto field = exchange_.body().trailers().find("Upload-Checksum");
    auto said = protocol::parse_tus_checksum(field.value_or(""));
    if (!said) return std::nullopt;
    sum->choose(std::move(said->algorithm));
    return std::move(said->digest);
  };
  wish.checksum = std::move(any);
  return std::nullopt;
}

io::Task<void> TusRequest::on(std::string_view method, UploadHandlePtr handle) {
  if (!version_fits()) return refuse(412, "only tus 1.0.0 is spoken here");
  if (method == "PATCH") return patch(handle);
  if (method == "DELETE") return answer_cancelled(desk_, exchange_, handle, fields());
  if (handle == nullptr || handle->has_ended()) return answer_gone(exchange_, handle, fields());
  return head(handle);
}

io::Task<void> TusRequest::head(UploadHandlePtr handle) {
  const Result<std::uint64_t> offset = co_await handles_.query(handle);
  if (!offset) co_return co_await refuse(503, offset.error().what);
  const auto prefix = co_await wanted_prefix(desk_, exchange_, handle);
  if (handle->has_ended()) co_return co_await answer_gone(exchange_, handle, fields());
  http::Headers out = fields();
  out.add("Upload-Offset", std::to_string(handle->offset()));
  add_prefix(out, prefix, *handle);
  add_pending(out, *handle);
  const auto length = handle->length();
  if (length) out.add("Upload-Length", std::to_string(*length));
  if (!length) out.add("Upload-Defer-Length", "1");
  if (!handle->about.metadata.empty()) out.add("Upload-Metadata", handle->about.metadata);
  if (handle->about.partial) out.add("Upload-Concat", "partial");
  if (!handle->about.parts.empty()) {
    std::string urls = "final;";
    for (const std::string& name : handle->about.parts) {
      const UploadHandlePtr part = handles_.find_by_name(name);
      // As short as can be: with a thousand of them this is a long line.
      if (part != nullptr) urls += (urls.ends_with(';') ? "/uploads/" : " /uploads/") + handles_.token_of(*part);
    }
    out.add("Upload-Concat", urls);
  }
  add_expiry(out, *handle);
  add_state(out, desk_, exchange_, *handle);
  co_await answer(exchange_, 200, std::move(out));
}

io::Task<void> TusRequest::patch(UploadHandlePtr handle) {
  if (media_type_of_body(exchange_) != kTusMedia)
    co_return co_await refuse(415, "the body must be " + std::string(kTusMedia));
  AppendWish wish;
  wish.offset = protocol::parse_tus_count(single_field(exchange_, "Upload-Offset").value_or(""));
  if (!wish.offset) co_return co_await refuse(400, "Upload-Offset is missing or not a number");
  if (handle == nullptr || handle->has_ended()) co_return co_await answer_gone(exchange_, handle, fields());
  if (!handle->about.parts.empty())
    co_return co_await refuse(403, "the bytes of a concatenation are those of its parts");
  co_await read_proof(handles_, exchange_, handle, *wish.offset);
  if (handle->is_receiving() && *wish.offset != handle->offset()) {
    // Whoever is sending is cut off first: the offset that is told must be the one that counts.
    const Result<std::uint64_t> offset = co_await handles_.query(handle);
    if (!offset) co_return co_await refuse(503, offset.error().what);
  }
  const bool mismatch = handle->is_receiving() && *wish.offset != handle->offset();
  if (!mismatch) {
    if (has_field(exchange_, "Upload-Length")) {
      wish.length = protocol::parse_tus_count(single_field(exchange_, "Upload-Length").value_or(""));
      if (!wish.length || handle->length())
        co_return co_await refuse(400, "Upload-Length can be told once, as a number");
      if (*wish.length > handles_.store().options().upload_bytes_max)
        co_return co_await refuse(413, "uploads of that size are not taken here");
      if (*wish.length < *wish.offset) co_return co_await refuse(400, "more than that is here already");
    }
    const std::optional<Refusal> refusal = read_checksum(wish);
    if (refusal) co_return co_await refuse(refusal->status, refusal->why);
  }
  wish.content_length = exchange_.request().content_length;
  wish.completes_at_length = true;
  AppendOutcome outcome;
  if (!handle->is_receiving() && *wish.offset == handle->offset() && !has_body(exchange_)) {
    outcome.whole = true;  // the answer to the last byte was lost
  } else {
    outcome = co_await handles_.append(handle, std::move(wish), exchange_.body());
  }
  co_await answer_append(handle, outcome, false);
}

io::Task<void> TusRequest::answer_append(UploadHandlePtr handle, const AppendOutcome& outcome, bool created) {
  http::Headers out = fields();
  if (created) out.add("Location", upload_url(desk_, exchange_, *handle));
  const bool there = outcome.end != End::ended && outcome.end != End::wrong_digest;
  if (there) out.add("Upload-Offset", std::to_string(handle->offset()));
  if (outcome.end == End::broken || outcome.end == End::slow) co_return exchange_.abandon();
  if (outcome.end == End::ended) co_return co_await answer_gone(exchange_, handle, std::move(out));
  if (outcome.end == End::stored) {
    add_expiry(out, *handle);
    add_state(out, desk_, exchange_, *handle);
    co_return co_await answer(exchange_, created ? 201 : 204, std::move(out));
  }
  const bool too_long = outcome.end == End::too_long || outcome.end == End::too_large;
  if (too_long) add_max_size(out);
  const bool wrong = outcome.end == End::wrong_digest || (outcome.end == End::wrong_checksum && !trailer_is_unknown());
  const unsigned status = too_long ? 413 : wrong ? 460 : status_of(outcome.end);
  co_await answer_problem(exchange_, status, "", outcome.what, std::move(out));
}

/// A checksum that was told behind the body, of no algorithm that is known here.
bool TusRequest::trailer_is_unknown() const {
  const auto trailer = exchange_.body().trailers().find("Upload-Checksum");
  const auto said = protocol::parse_tus_checksum(trailer.value_or(""));
  return trailer && (!said || crypto::make_running_checksum(said->algorithm) == nullptr);
}

}  // namespace

bool speaks_tus(const http::Exchange& exchange) {
  for (const char* name :
       {"Tus-Resumable", "Upload-Defer-Length", "Upload-Concat", "Upload-Metadata", "Upload-Length"}) {
    if (has_field(exchange, name)) return true;
  }
  return false;
}

void add_tus_discovery(http::Headers& headers, const UploadDesk& desk) {
  headers.add("Tus-Resumable", std::string(kTusVersion));
  headers.add("Tus-Version", std::string(kTusVersion));
  headers.add("Tus-Extension",
              "creation,creation-with-upload,creation-defer-length,expiration,checksum,checksum-trailer,termination,"
              "concatenation,concatenation-unfinished");
  headers.add("Tus-Checksum-Algorithm", "sha1,sha256,sha512,md5,crc32,crc32c");
  const std::uint64_t most = desk.handles.store().options().upload_bytes_max;
  if (most < std::uint64_t{1} << 62U) headers.add("Tus-Max-Size", std::to_string(most));
}

io::Task<void> tus_create(const UploadDesk& desk, WebRequest request) {
  TusRequest tus(desk, request);
  co_await tus.create();
}

io::Task<void> tus_request(const UploadDesk& desk, WebRequest request, std::string_view method,
                           UploadHandlePtr handle) {
  TusRequest tus(desk, request);
  co_await tus.on(method, std::move(handle));
}

}  // namespace holdfast::gateway
