// One storage server over Great Black Swamp: requests and answers of section 4 of the storage protocol.
#include <algorithm>

#include "holdfast/core/placement/server_ring.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/core/protocol/storage_paths.h"
#include "holdfast/edge/http/client.h"
#include "holdfast/node/grid/server_list.h"

namespace holdfast::grid {
namespace {

constexpr std::size_t kAnswerBytesMax = 30 * 1'048'576;  // a CBOR answer
constexpr std::size_t kErrorBytesMax = 10'000;

/// A ByteSource of ours as the body of a request.
class SourceBody final : public http::BodySource {
 public:
  explicit SourceBody(ByteSource& source) : source_(source) {}
  std::uint64_t length() const override { return source_.length(); }
  io::Task<Result<ByteView>> next() override { return source_.next(); }

 private:
  ByteSource& source_;
};

Error status_error(unsigned status, const std::string& name, std::string text) {
  text.resize(std::min<std::size_t>(text.size(), 200));
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 32 || c > 126; }, ' ');
  const std::string what = name + " answered " + std::to_string(status) + (text.empty() ? "" : ": " + text);
  switch (status) {
    case 401:
      return {Errc::unauthorized, what};
    case 404:
      return {Errc::not_found, what};
    case 405:
      return {Errc::unsupported, what};
    case 409:
      return {Errc::conflict, what};
    case 413:
      return {Errc::unsupported, name + ", or a proxy on the way to it, takes no bodies of that size (413)"};
    case 507:
      return {Errc::no_space, what};
    default:
      break;
  }
  return {status >= 500 || status == 408 || status == 429 ? Errc::unavailable : Errc::malformed, what};
}

bool is_page(http::ClientResponse& response) {
  const auto type = response.headers().find("Content-Type");
  return type && type->starts_with("text/html");
}

class HttpStorageServer final : public StorageServer {
 public:
  HttpStorageServer(io::AsioLoop& loop, const http::TlsClientContext& tls, protocol::Announcement announcement,
                    HttpServerOptions options)
      : loop_(loop),
        announcement_(std::move(announcement)),
        options_(options),
        name_(short_name(announcement_)),
        seed_(placement::permutation_seed(announcement_.server_id, announcement_.announced_seed)),
        authorization_(protocol::authorization_value(announcement_.nurls.front().swissnum)) {
    const protocol::Nurl& nurl = announcement_.nurls.front();
    http::ClientOptions client;
    client.host = nurl.host;
    client.port = nurl.port;
    client.pin = nurl.spki;
    client.connect_timeout = options.silence;
    client.idle_timeout = options.silence;
    client.send_limit = options.send_limit;
    client.receive_limit = options.receive_limit;
    client_ = http::Client::create(loop, tls, std::move(client));
  }

  const std::string& id() const override { return announcement_.server_id; }
  const std::string& name() const override { return name_; }
  ByteView permutation_seed() const override { return seed_; }
  std::optional<SpkiHash> spki() const override {
    const auto peer = client_->peer();
    return peer ? std::optional(peer->spki) : std::nullopt;
  }
  io::Task<void> make_ready(std::size_t connections) override { return client_->make_ready(connections); }
  std::optional<TubId> tub_id() const override {
    const auto peer = client_->peer();
    return peer ? std::optional(peer->tub_id) : std::nullopt;
  }

  io::Task<Result<VersionAnswer>> version() override {
    HF_CO_TRY(Answer answer, co_await ask(request("GET", protocol::version_path())));
    HF_CO_TRY(protocol::ServerVersion version, in_answer(protocol::decode_server_version(answer.body)));
    VersionAnswer out{std::move(version), false};
    if (const auto field = answer.headers.find("Tahoe-Resume")) {
      const auto resume = protocol::parse_resume_field(*field);
      out.resumes = resume && resume->version >= 1;
    }
    recent_ = out;
    recent_until_ = loop_.now() + options_.version_lasts;
    co_return out;
  }

  std::optional<VersionAnswer> recent_version() const override {
    return loop_.now() < recent_until_ ? recent_ : std::nullopt;
  }

  io::Task<Result<std::vector<ShareNumber>>> list_shares(const StorageIndex& si) override {
    HF_CO_TRY(const Answer answer, co_await ask(request("GET", protocol::list_path(si))));
    HF_CO_TRY(const protocol::ShareSet shares, in_answer(protocol::decode_share_set(answer.body)));
    co_return std::vector<ShareNumber>(shares.begin(), shares.end());
  }

  io::Task<Result<protocol::AllocateReply>> allocate(const StorageIndex& si, protocol::AllocateRequest message,
                                                     const AllocateSecrets& secrets) override {
    HF_CO_TRY_VOID(identity_is_as_announced());
    http::ClientRequest out = request("POST", protocol::allocate_path(si));
    out.headers.add("Tahoe-Resume", "1");
    add_secret(out, "lease-renew-secret", secrets.lease_renew);
    add_secret(out, "lease-cancel-secret", secrets.lease_cancel);
    add_secret(out, "upload-secret", secrets.upload);
    out.headers.add("Content-Type", "application/cbor");
    out.body = protocol::encode(message);
    HF_CO_TRY(const Answer answer, co_await ask(std::move(out)));
    Result<protocol::AllocateReply> reply = in_answer(protocol::decode_allocate_reply(answer.body));
    if (const auto field = answer.headers.find("Tahoe-Resume"); field && reply) {
      const auto resume = protocol::parse_resume_field(*field);
      if (resume) reply->matched = resume->matched;
    }
    co_return reply;
  }

  io::Task<Result<WriteAnswer>> write(const StorageIndex& si, ShareNumber share, std::uint64_t offset,
                                      ByteSource& source, const Secret& upload_secret) override {
    http::ClientRequest out = request("PATCH", protocol::share_path(si, share));
    add_secret(out, "upload-secret", upload_secret);
    out.headers.add("Content-Range", protocol::format_content_range(Range{offset, offset + source.length()}));
    SourceBody body(source);
    out.source = &body;
    out.answer_timeout = options_.completing;
    HF_CO_TRY(const Answer answer, co_await ask(std::move(out)));
    HF_CO_TRY(protocol::WriteReply reply, in_answer(protocol::decode_write_reply(answer.body)));
    WriteAnswer out_answer{answer.status == 201, std::move(reply.required)};
    co_return out_answer;
  }

  io::Task<Result<void>> abort(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) override {
    http::ClientRequest out = request("PUT", protocol::abort_path(si, share));
    add_secret(out, "upload-secret", upload_secret);
    HF_CO_TRY_VOID(co_await ask(std::move(out)));
    co_return Result<void>{};
  }

  io::Task<Result<protocol::UploadStatus>> status(const StorageIndex& si, const Secret& upload_secret) override {
    http::ClientRequest out = request("GET", protocol::resume_status_path(si));
    add_secret(out, "upload-secret", upload_secret);
    Result<Answer> answer = co_await ask(std::move(out));
    if (!answer && answer.error().code == Errc::not_found) {
      co_return fail(Errc::unsupported, name_ + " does not speak the resumption extension");
    }
    if (!answer) co_return tl::make_unexpected(answer.error());
    co_return in_answer(protocol::decode_upload_status(answer->body));
  }

  io::Task<Result<Bytes>> read(const StorageIndex& si, ShareNumber share, Range range) override {
    Arriving out;
    HF_CO_TRY_VOID(co_await read_onto(si, share, range, out));
    co_return to_bytes(ByteView(out.buffer).first(out.arrived));
  }

  io::Task<Result<void>> read_onto(const StorageIndex& si, ShareNumber share, Range range, Arriving& out) override {
    http::ClientRequest ask_for = request("GET", protocol::share_path(si, share));
    ask_for.headers.add("Range", protocol::format_range(range));
    HF_CO_TRY(const auto response, co_await send(std::move(ask_for)));
    if (response->status() == 204) co_return Result<void>{};
    if (response->status() != 206) co_return tl::make_unexpected(co_await error_of(*response));
    const auto field = response->headers().find("Content-Range");
    const auto told = field ? protocol::parse_content_range(*field) : fail(Errc::malformed, "no Content-Range");
    if (!told || told->range.begin != range.begin || told->range.end > range.end || !is_share_data(*response)) {
      co_return fail(Errc::malformed, name_ + " answered a read with something else");
    }
    const std::size_t whole = out.arrived + told->range.size();
    if (out.buffer.size() < whole) out.buffer.resize(whole);
    while (out.arrived < whole) {
      const MutableByteView room = MutableByteView(out.buffer).first(whole).subspan(out.arrived);
      HF_CO_TRY(const std::size_t count, co_await response->body().read_some(room));
      if (count == 0) co_return fail(Errc::malformed, name_ + " answered a read with fewer bytes than it said");
      out.arrived += count;
    }
    std::uint8_t extra = 0;
    HF_CO_TRY(const std::size_t surplus, co_await response->body().read_some(MutableByteView(&extra, 1)));
    if (surplus != 0) co_return fail(Errc::malformed, name_ + " answered a read with more bytes than it said");
    co_return Result<void>{};
  }

  io::Task<Result<void>> add_lease(const StorageIndex& si, const Secret& renew, const Secret& cancel) override {
    HF_CO_TRY_VOID(identity_is_as_announced());
    http::ClientRequest out = request("PUT", protocol::lease_path(si));
    add_secret(out, "lease-renew-secret", renew);
    add_secret(out, "lease-cancel-secret", cancel);
    HF_CO_TRY_VOID(co_await ask(std::move(out)));
    co_return Result<void>{};
  }

  io::Task<Result<void>> advise_corrupt(const StorageIndex& si, ShareNumber share, std::string reason) override {
    http::ClientRequest out = request("POST", protocol::corrupt_path(si, share));
    out.headers.add("Content-Type", "application/cbor");
    out.body = protocol::encode(protocol::CorruptReport{std::move(reason)});
    HF_CO_TRY_VOID(co_await ask(std::move(out)));
    co_return Result<void>{};
  }

  Traffic traffic() const override {
    const http::ClientCounters& counters = client_->counters();
    return Traffic{counters.body_bytes_sent, counters.body_bytes_received, counters.requests, counters.connections,
                   counters.broken};
  }

 private:
  struct Answer {
    unsigned status = 0;
    http::Headers headers;
    Bytes body;
  };

  static std::string short_name(const protocol::Announcement& announcement) {
    if (!announcement.nickname.empty()) return announcement.nickname;
    const std::string& id = announcement.server_id;
    const std::size_t dash = id.starts_with("v0-") ? 3 : id.starts_with("nurl-") ? 5 : 0;
    return id.substr(dash, 8);
  }

  http::ClientRequest request(std::string method, std::string path) const {
    http::ClientRequest out;
    out.method = std::move(method);
    out.target = std::move(path);
    out.headers.add("Authorization", authorization_);
    out.headers.add("Accept", "application/cbor");
    out.answer_timeout = options_.silence;
    return out;
  }

  static void add_secret(http::ClientRequest& out, std::string_view kind, const Secret& secret) {
    out.headers.add("X-Tahoe-Authorization", protocol::format_secret_field(kind, secret.reveal()));
  }

  static bool is_share_data(http::ClientResponse& response) {
    const auto type = response.headers().find("Content-Type");
    return type && type->starts_with("application/octet-stream");
  }

  /// Lease secrets hang on the TubID, which the pin does not cover (storage protocol 11.9).
  Result<void> identity_is_as_announced() const {
    const auto presented = tub_id();
    if (!announcement_.tub_id || !presented || *announcement_.tub_id == *presented) return {};
    return fail(Errc::unauthorized, name_ + " presents a certificate that is not the one it announces (TubID differs)");
  }

  template <class T>
  Result<T> in_answer(Result<T> decoded) const {
    if (!decoded) return fail(Errc::malformed, name_ + " answered something else: " + decoded.error().what);
    return decoded;
  }

  io::Task<Result<std::unique_ptr<http::ClientResponse>>> send(http::ClientRequest out) {
    auto response = co_await client_->send(std::move(out));
    if (!response) co_return fail_in(name_, response.error());
    co_return response;
  }

  io::Task<Error> error_of(http::ClientResponse& response) {
    const unsigned status = response.status();
    const bool page = is_page(response);
    Result<Bytes> body = co_await http::read_all(response.body(), kErrorBytesMax);
    Error error = status_error(status, name_, body && !page ? std::string(text_of(*body)) : std::string());
    // Real servers have pages for what they refuse, and never for anything else.
    if (page && (status < 400 || status == 511)) {
      error.what = "a web page (" + std::to_string(status) + ") came instead of an answer of " + name_ +
                   ": a captive portal or a proxy is on the way; sign in there, or use another network";
    }
    co_return error;
  }

  /// A request with an answer that fits into memory. 2xx, or an error.
  io::Task<Result<Answer>> ask(http::ClientRequest out) {
    HF_CO_TRY(const auto response, co_await send(std::move(out)));
    if (response->status() < 200 || response->status() > 299 || is_page(*response)) {
      co_return tl::make_unexpected(co_await error_of(*response));
    }
    Answer answer{response->status(), response->headers(), {}};
    Result<Bytes> body = co_await http::read_all(response->body(), kAnswerBytesMax);
    if (!body) co_return fail_in(name_, body.error());
    answer.body = std::move(*body);
    co_return answer;
  }

  io::AsioLoop& loop_;
  const protocol::Announcement announcement_;
  const HttpServerOptions options_;
  const std::string name_;
  const Bytes seed_;
  const std::string authorization_;
  std::unique_ptr<http::Client> client_;
  std::optional<VersionAnswer> recent_;
  io::Time recent_until_{};
};

}  // namespace

std::unique_ptr<StorageServer> make_http_server(io::AsioLoop& loop, const http::TlsClientContext& tls,
                                                protocol::Announcement announcement, HttpServerOptions options) {
  return std::make_unique<HttpStorageServer>(loop, tls, std::move(announcement), options);
}

}  // namespace holdfast::grid
