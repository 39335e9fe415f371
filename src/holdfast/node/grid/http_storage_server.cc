// One storage server over Great Black Swamp: requests and answers of section 4 of the storage protocol.
#include <algorithm>
#include <optional>

#include "holdfast/core/base/printable.h"
#include "holdfast/core/placement/server_ring.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/storage_messages.h"
#include "holdfast/core/protocol/storage_paths.h"
#include "holdfast/edge/io/task_group.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/grid/answer_limit.h"
#include "holdfast/node/grid/http_peer.h"

namespace holdfast::grid {
namespace {

constexpr std::size_t kAnswerBytesMax = 30 * 1'048'576;  // a CBOR answer
// Who has the last byte of a share looks at all of it before it answers (storage protocol 11.7): a slow disk reads as fast.
constexpr std::uint64_t kAuditBytesASecond = 4'000'000;
constexpr std::uint64_t kSlowestStoreBytesASecond = 8'192;  // what it was sent, where nothing is looked at
constexpr std::uint64_t kSlowestReadBytesASecond = 512;     // several may share a slow line

/// A ByteSource of ours as the body of a request, and how far it is.
class CountedBody final : public http::BodySource {
 public:
  explicit CountedBody(ByteSource& source) : source_(source) {}
  std::uint64_t length() const override { return source_.length(); }
  io::Task<Result<ByteView>> next() override {
    auto piece = co_await source_.next();
    if (piece) given_ += piece->size();
    co_return piece;
  }
  bool given_all() const { return given_ >= source_.length(); }

 private:
  ByteSource& source_;
  std::uint64_t given_ = 0;
};

class HttpStorageServer final : public StorageServer {
 public:
  HttpStorageServer(io::AsioLoop& loop, const http::TlsClientContext& tls, protocol::Announcement announcement,
                    HttpServerOptions options)
      : loop_(loop),
        announcement_(std::move(announcement)),
        options_(options),
        name_(short_name(announcement_)),
        seed_(placement::permutation_seed(announcement_.server_id, announcement_.announced_seed)),
        peer_(loop, tls, announcement_.nurls.front(), name_, options) {}

  const std::string& id() const override { return announcement_.server_id; }
  const std::string& name() const override { return name_; }
  ByteView permutation_seed() const override { return seed_; }
  std::optional<SpkiHash> spki() const override {
    const auto peer = peer_.client().peer();
    return peer ? std::optional(peer->spki) : std::nullopt;
  }
  io::Task<void> make_ready(std::size_t connections) override { return peer_.client().make_ready(connections); }
  std::optional<TubId> tub_id() const override {
    const auto peer = peer_.client().peer();
    return peer ? std::optional(peer->tub_id) : std::nullopt;
  }

  io::Task<Result<VersionAnswer>> version() override {
    HF_CO_TRY(Answer answer, co_await ask(request("GET", protocol::version_path())));
    HF_CO_TRY(protocol::ServerVersion version, in_answer(protocol::decode_server_version(answer.body)));
    version.application_version = printable(std::move(version.application_version));
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
    const Range range{offset, offset + source.length()};
    out.headers.add("Content-Range", protocol::format_content_range(range));
    CountedBody body(source);
    out.source = &body;
    out.answer_timeout = answer_time_of(range);
    io::CancelScope& scope = co_await io::this_scope();
    io::CancelScope writing(scope);
    io::TaskGroup watching(scope);
    bool swallowed = false;
    watching.spawn(watch_write(si, share, range, &body, &upload_secret, &writing, &swallowed));
    auto asking = ask(std::move(out));
    const Result<Answer> answered = co_await asking.in(writing);
    watching.cancel();
    co_await watching.join();
    if (!answered && swallowed)
      co_return fail(Errc::timeout, name_ + " took what was written to it, and has not answered");
    HF_CO_TRY(const Answer answer, answered);
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

  /// Nobody looks how fast it comes, as with blocks: a drip would be waited for as long as it lasts.
  io::Task<Result<Bytes>> read(const StorageIndex& si, ShareNumber share, Range range) override {
    Arriving out;
    auto reading = read_onto(si, share, range, out);
    if (options_.receive_limit == nullptr) {
      const io::Duration limit =
          answer_limit(options_.silence, range.size(), kSlowestReadBytesASecond, options_.completing);
      reading = io::with_timeout(limit, std::move(reading));
    }
    HF_CO_TRY_VOID(co_await std::move(reading));
    co_return to_bytes(ByteView(out.buffer).first(out.arrived));
  }

  io::Task<Result<void>> read_onto(const StorageIndex& si, ShareNumber share, Range range, Arriving& out) override {
    http::ClientRequest ask_for = request("GET", protocol::share_path(si, share));
    ask_for.headers.add("Range", protocol::format_range(range));
    HF_CO_TRY(const auto response, co_await peer_.send(std::move(ask_for)));
    if (response->status() == 204) co_return Result<void>{};
    if (response->status() != 206) co_return tl::make_unexpected(co_await peer_.error_of(*response));
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

  Traffic traffic() const override { return peer_.traffic(); }

 private:
  using Answer = HttpAnswer;

  static std::string short_name(const protocol::Announcement& announcement) {
    if (!announcement.nickname.empty()) return announcement.nickname;
    const std::string& id = announcement.server_id;
    const std::size_t dash = id.starts_with("v0-") ? 3 : id.starts_with("nurl-") ? 5 : 0;
    return id.substr(dash, 8);
  }

  http::ClientRequest request(std::string method, std::string path) const {
    return peer_.request(std::move(method), std::move(path));
  }
  static void add_secret(http::ClientRequest& out, std::string_view kind, const Secret& secret) {
    HttpPeer::add_secret(out, kind, secret);
  }
  template <class T>
  Result<T> in_answer(Result<T> decoded) const {
    return peer_.in_answer(std::move(decoded));
  }
  io::Task<Result<Answer>> ask(http::ClientRequest out) { return peer_.ask(std::move(out), kAnswerBytesMax); }

  /// Ends a write that has been swallowed. Its bytes may be on their way for long, in the buffers of whatever stands between, and a
  /// large share is looked at before the answer (storage protocol 11.7): only a server by whose own word nothing comes of it, or
  /// that says nothing at all, is not waited for. One without the extension cannot be asked.
  io::Task<void> watch_write(StorageIndex si, ShareNumber share, Range range, const CountedBody* body,
                             const Secret* upload_secret, io::CancelScope* writing, bool* swallowed) {
    std::optional<std::uint64_t> least_required;
    std::uint64_t share_bytes = range.end;
    io::Time moved = loop_.now();
    for (;;) {
      const bool slept = co_await io::sleep_for(options_.silence / 3);
      if (!slept) co_return;
      if (!body->given_all()) {  // the connection itself is watched
        moved = loop_.now();
        continue;
      }
      auto asking = status(si, *upload_secret);
      const Result<protocol::UploadStatus> said = co_await io::with_timeout(options_.silence, std::move(asking));
      if (!said && (said.error().code == Errc::cancelled || said.error().code == Errc::unsupported)) co_return;
      if (said && said->incomplete.contains(share)) {
        const protocol::UploadStatus::Partial& partial = said->incomplete.at(share);
        share_bytes = std::max(share_bytes, partial.allocated_size);
        const std::uint64_t required = partial.required.total();  // what has come is synced for the question
        if (least_required && required < *least_required) moved = loop_.now();
        least_required = std::min(least_required.value_or(required), required);
      }
      const io::Duration limit = answer_limit(options_.silence, share_bytes, kAuditBytesASecond, options_.completing);
      if (loop_.now() - moved < limit) continue;
      *swallowed = true;
      writing->cancel();
      co_return;
    }
  }

  /// Without the extension nothing is looked through before the answer, and nobody can be asked how far it is.
  io::Duration answer_time_of(Range range) const {
    if (!recent_ || recent_->resumes) return options_.completing;
    return answer_limit(options_.silence, range.size(), kSlowestStoreBytesASecond, options_.completing);
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

  io::AsioLoop& loop_;
  const protocol::Announcement announcement_;
  const HttpServerOptions options_;
  const std::string name_;
  const Bytes seed_;
  HttpPeer peer_;
  std::optional<VersionAnswer> recent_;
  io::Time recent_until_{};
};

}  // namespace

std::unique_ptr<StorageServer> make_http_server(io::AsioLoop& loop, const http::TlsClientContext& tls,
                                                protocol::Announcement announcement, HttpServerOptions options) {
  return std::make_unique<HttpStorageServer>(loop, tls, std::move(announcement), options);
}

}  // namespace holdfast::grid
