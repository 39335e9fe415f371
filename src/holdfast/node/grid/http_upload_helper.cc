// One upload helper over HTTPS: requests and answers of docs/formats/helper-protocol.md.
#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/base/printable.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/grid/helper_list.h"
#include "holdfast/node/grid/http_peer.h"

namespace holdfast::grid {
namespace {

constexpr std::string_view kUploads = "/helper/v1/uploads/";
constexpr std::string_view kInteropVersion = "10";  // of Resumable Uploads for HTTP
constexpr std::size_t kUploadPathMax = 512;
constexpr std::size_t kSmallAnswerBytesMax = 65'536;
constexpr unsigned kTooManyRequests = 429, kUploadResumption = 104;

/// It becomes the target of requests, so nothing but such a path may be in it.
bool is_upload_path(std::string_view path) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~' || c == '=';
  };
  if (!path.starts_with(kUploads) || path.size() == kUploads.size() || path.size() > kUploadPathMax) return false;
  const std::string_view token = path.substr(kUploads.size());
  return std::ranges::all_of(token, harmless) && token != "." && token != "..";
}

class HttpUploadHelper final : public UploadHelper {
 public:
  HttpUploadHelper(io::AsioLoop& loop, const http::TlsClientContext& tls, const protocol::Nurl& nurl,
                   HttpServerOptions options)
      : options_(options),
        spki_(nurl.spki),
        peer_(loop, tls, nurl, "helper " + nurl.host + ":" + std::to_string(nurl.port), options) {}

  const std::string& name() const override { return peer_.name(); }
  SpkiHash spki() const override { return spki_; }
  Traffic traffic() const override { return peer_.traffic(); }

  io::Task<Result<protocol::HelperVersion>> version() override {
    http::ClientRequest out = peer_.request("GET", "/helper/v1/version");
    HF_CO_TRY(const HttpAnswer answer, co_await peer_.ask(std::move(out), protocol::kHelperStateBytesMax));
    HF_CO_TRY(protocol::HelperVersion version, peer_.in_answer(protocol::decode_helper_version(answer.body)));
    version.application = printable(std::move(version.application));
    if (version.protocol != 1) co_return fail(Errc::unsupported, name() + " speaks another version of the protocol");
    co_return version;
  }

  io::Task<Result<protocol::HelperState>> begin(const StorageIndex& si, protocol::HelperRequest request,
                                                const HelperIdentity& who) override {
    http::ClientRequest out = about("POST", chk_path(si), who);
    out.headers.add("Content-Type", "application/cbor");
    out.body = protocol::encode(request);
    co_return co_await state_of(std::move(out));
  }

  io::Task<Result<protocol::HelperState>> state(const StorageIndex& si, const HelperIdentity& who,
                                                std::chrono::seconds wait) override {
    std::string path = chk_path(si);
    if (wait.count() > 0) path += "?wait=" + std::to_string(wait.count());
    http::ClientRequest out = about("GET", std::move(path), who);
    out.answer_timeout = options_.silence + wait;
    co_return co_await state_of(std::move(out));
  }

  io::Task<Result<std::uint64_t>> append(const std::string& upload, std::uint64_t offset, ByteSource& source,
                                         const HelperIdentity& who, const OffsetTold& told) override {
    http::ClientRequest out = part_of("PATCH", upload, who);
    out.headers.add("Content-Type", "application/partial-upload");
    out.headers.add("Upload-Offset", std::to_string(offset));
    out.on_interim = [&told](unsigned status, const http::Headers& headers) {
      const auto durable = status == kUploadResumption ? durable_in(headers) : std::nullopt;
      if (durable) told(*durable);
    };
    out.headers.add("Upload-Complete", "?0");
    SourceBody body(source);
    out.source = &body;
    out.answer_timeout = options_.completing;  // the answer waits for the sync
    HF_CO_TRY(const HttpAnswer answer, co_await ask(std::move(out), kSmallAnswerBytesMax));
    co_return offset_in(answer);
  }

  io::Task<Result<std::uint64_t>> offset(const std::string& upload, const HelperIdentity& who) override {
    http::ClientRequest out = part_of("HEAD", upload, who);
    HF_CO_TRY(const HttpAnswer answer, co_await ask(std::move(out), kSmallAnswerBytesMax));
    co_return offset_in(answer);
  }

  io::Task<Result<protocol::HelperDigests>> digests(const std::string& upload, std::uint64_t first, std::uint64_t count,
                                                    const HelperIdentity& who) override {
    const std::string query = "?digests&first=" + std::to_string(first) + "&count=" + std::to_string(count);
    http::ClientRequest out = about("GET", upload + query, who);
    out.answer_timeout = options_.completing;  // after a restart it reads what it holds
    HF_CO_TRY(const HttpAnswer answer, co_await ask(std::move(out), protocol::kHelperDigestsBytesMax));
    HF_CO_TRY(protocol::HelperDigests digests, peer_.in_answer(protocol::decode_helper_digests(answer.body)));
    if (digests.first != first || digests.digests.size() > count)
      co_return fail(Errc::malformed, name() + " answered with other digests than were asked for");
    co_return digests;
  }

  io::Task<Result<void>> replace_piece(const std::string& upload, std::uint64_t piece, ByteSource& source,
                                       const HelperIdentity& who) override {
    http::ClientRequest out = about("PUT", upload + "?piece=" + std::to_string(piece), who);
    out.headers.add("Content-Type", "application/octet-stream");
    SourceBody body(source);
    out.source = &body;
    out.answer_timeout = options_.completing;
    HF_CO_TRY_VOID(co_await ask(std::move(out), kSmallAnswerBytesMax));
    co_return Result<void>{};
  }

  io::Task<Result<protocol::HelperState>> complete(const std::string& upload, std::uint64_t length, const Hash& pieces,
                                                   const HelperIdentity& who) override {
    http::ClientRequest out = part_of("PATCH", upload, who);
    out.headers.add("Content-Type", "application/partial-upload");
    out.headers.add("Upload-Offset", std::to_string(length));
    out.headers.add("Upload-Complete", "?1");
    out.headers.add("Holdfast-Pieces", protocol::format_pieces_field(pieces));
    out.answer_timeout = options_.completing;
    co_return co_await state_of(std::move(out));
  }

  io::Task<Result<void>> drop(const std::string& upload, const HelperIdentity& who) override {
    HF_CO_TRY_VOID(co_await ask(part_of("DELETE", upload, who), kSmallAnswerBytesMax));
    co_return Result<void>{};
  }

 private:
  static std::string chk_path(const StorageIndex& si) { return "/helper/v1/chk/" + base32_encode(si.view()); }

  http::ClientRequest about(std::string method, std::string path, const HelperIdentity& who) const {
    http::ClientRequest out = peer_.request(std::move(method), std::move(path));
    HttpPeer::add_secret(out, "upload-secret", who.upload_secret);
    out.headers.add("Holdfast-Client", who.client_id);
    return out;
  }

  /// Of the methods of Resumable Uploads for HTTP.
  http::ClientRequest part_of(std::string method, const std::string& upload, const HelperIdentity& who) const {
    http::ClientRequest out = about(std::move(method), upload, who);
    out.headers.add("Upload-Draft-Interop-Version", std::string(kInteropVersion));
    return out;
  }

  /// Of an interim answer; those of other versions mean something else.
  static std::optional<std::uint64_t> durable_in(const http::Headers& headers) {
    if (headers.find("Upload-Draft-Interop-Version") != kInteropVersion) return std::nullopt;
    return protocol::parse_decimal(headers.find("Upload-Offset").value_or(""));
  }

  /// As the peer answers, but a helper with too many uploads is as full as one without room: go around it.
  io::Task<Result<HttpAnswer>> ask(http::ClientRequest out, std::size_t bytes_max) {
    HF_CO_TRY(const auto response, co_await peer_.send(std::move(out)));
    if (response->status() == kTooManyRequests) {
      Error error = co_await peer_.error_of(*response);
      error.code = Errc::no_space;
      co_return tl::make_unexpected(std::move(error));
    }
    co_return co_await peer_.read(*response, bytes_max);
  }

  io::Task<Result<protocol::HelperState>> state_of(http::ClientRequest out) {
    HF_CO_TRY(const HttpAnswer answer, co_await ask(std::move(out), protocol::kHelperStateBytesMax));
    HF_CO_TRY(protocol::HelperState state, peer_.in_answer(protocol::decode_helper_state(answer.body)));
    state.reason = printable(std::move(state.reason));
    if (state.kind == protocol::HelperState::Kind::receiving && !is_upload_path(state.upload))
      co_return fail(Errc::malformed, name() + " names a path that is none of an upload");
    co_return state;
  }

  Result<std::uint64_t> offset_in(const HttpAnswer& answer) const {
    const auto field = answer.headers.find("Upload-Offset");
    const auto offset = field ? protocol::parse_decimal(*field) : std::nullopt;
    if (!offset) return fail(Errc::malformed, name() + " answered without an Upload-Offset");
    return *offset;
  }

  const HttpServerOptions options_;
  const SpkiHash spki_;
  HttpPeer peer_;
};

}  // namespace

std::unique_ptr<UploadHelper> make_http_helper(io::AsioLoop& loop, const http::TlsClientContext& tls,
                                               const protocol::Nurl& nurl, HttpServerOptions options) {
  return std::make_unique<HttpUploadHelper>(loop, tls, nurl, options);
}

}  // namespace holdfast::grid
