#include "holdfast/node/helper/helper_routes.h"

#include <algorithm>

#include "holdfast/core/protocol/helper_paths.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/resume/draft_fields.h"
#include "holdfast/edge/http/body_piece.h"
#include "holdfast/edge/http/error_status.h"
#include "holdfast/edge/io/piece_loan.h"
#include "holdfast/node/uploads/offset_notices.h"

namespace holdfast::helper {
namespace {

using protocol::HelperRouteKind;

constexpr std::uint64_t kWaitSecondsMax = 60;
constexpr std::size_t kClientIdBytesMax = 64;
constexpr io::Duration kAppendEvery = std::chrono::milliseconds(250);
const char* const kCbor = "application/cbor";
const char* const kPartial = "application/partial-upload";
const char* const kTypes = "https://iana.org/assignments/http-problem-types#";

class Request {
 public:
  Request(HelperService& service, RouteCounters& counters, http::Exchange& exchange, const RouteSecrets& secrets)
      : service_(service), store_(service.store()), counters_(counters), exchange_(exchange), secrets_(secrets) {}

  io::Task<void> serve(const std::string& authorization) {
    ++counters_.requests;
    route_ = protocol::parse_helper_route(head().target);
    if (route_.kind == HelperRouteKind::unknown) return refuse(404, "no such resource");
    if (!method_fits()) return refuse(405, "not that method");
    const bool for_operator = route_.kind == HelperRouteKind::status || route_.kind == HelperRouteKind::status_item ||
                              route_.kind == HelperRouteKind::metrics;
    const auto field = head().headers.find(for_operator ? "Holdfast-Operator" : "Authorization");
    const std::string& expected = for_operator ? secrets_.operator_token : authorization;
    if (!field || expected.empty() || !equal_constant_time(view_of(*field), view_of(expected))) {
      ++counters_.unauthorized;
      return refuse(401, for_operator ? "for the operator only" : "this helper does not know you");
    }
    if (route_.kind == HelperRouteKind::version) return version();
    if (for_operator) return operate();
    const Result<void> taken = take_asker();
    if (!taken) return refuse(400, taken.error().what);
    return route_.kind == HelperRouteKind::file ? file() : upload();
  }

 private:
  const http::RequestHead& head() const { return exchange_.request(); }
  bool is(std::string_view method) const { return head().method == method; }

  bool method_fits() const {
    switch (route_.kind) {
      case HelperRouteKind::file:
        return is("POST") || is("GET");
      case HelperRouteKind::upload:
        if (route_.digests) return is("GET") && !route_.piece;
        if (route_.piece) return is("PUT");
        return is("HEAD") || is("PATCH") || is("DELETE");
      case HelperRouteKind::status_item:
        return is("POST");
      default:
        return is("GET") || is("HEAD");
    }
  }

  /// The field of that name; one that comes twice could be read in two ways, and says nothing.
  std::optional<std::string_view> single(std::string_view name) const {
    const auto all = head().headers.find_all(name);
    return all.size() == 1 ? std::optional(all.front()) : std::nullopt;
  }

  Result<void> take_asker() {
    const auto field = single("X-Tahoe-Authorization");
    if (!field) return fail(Errc::malformed, "an upload secret is missing");
    HF_TRY(protocol::SecretField secret, protocol::parse_secret_field(*field));
    if (secret.kind != "upload-secret") return fail(Errc::malformed, "a secret that this request must not have");
    asker_.upload_secret = Secret(std::move(secret.secret));
    const std::string_view client = single("Holdfast-Client").value_or("");
    if (client.size() > kClientIdBytesMax) return fail(Errc::malformed, "an id of a client that is too long");
    asker_.client_id = std::string(client);
    return {};
  }

  // --- answers

  io::Task<void> answer(unsigned status, std::string type, Bytes body, http::Headers fields = {}) {
    if (status >= 400 && status < 500) ++counters_.bad_requests;
    http::ResponseHead out;
    out.status = status;
    out.headers = std::move(fields);
    out.headers.add("Cache-Control", "no-store");
    if (!body.empty()) out.headers.add("Content-Type", std::move(type));
    static_cast<void>(co_await exchange_.respond(std::move(out), body));
  }
  io::Task<void> answer_state(unsigned status, protocol::HelperState state) {
    if (!state.upload.empty()) state.upload = protocol::helper_upload_path(state.upload);
    return answer(status, kCbor, protocol::encode(state));
  }

  /// A problem document (RFC 9457).
  io::Task<void> problem(unsigned status, std::string_view type, std::string_view title, http::Headers fields = {}) {
    std::string text = R"({"type":")" + (type.empty() ? "about:blank" : kTypes + std::string(type)) + R"(","status":)" +
                       std::to_string(status) + R"(,"title":")";
    for (const char c : title) {
      if (c == '"' || c == '\\') text += '\\';
      text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return answer(status, "application/problem+json", to_bytes(text + "\"}\n"), std::move(fields));
  }
  io::Task<void> refuse(unsigned status, std::string title) {
    http::Headers fields;
    if (status == 503 || status == 507) fields.add("Retry-After", "5");
    return problem(status, "", title, std::move(fields));
  }
  io::Task<void> refuse(const Error& error) { return refuse(http::status_of(error.code), error.what); }

  static void add_offset(http::Headers& fields, const uploads::Upload& upload) {
    fields.add("Upload-Offset", std::to_string(upload.log.durable));
    fields.add("Upload-Complete", upload.is_open() ? "?0" : "?1");
    if (upload.log.length) fields.add("Upload-Length", std::to_string(*upload.log.length));
  }

  // --- asking

  io::Task<void> version() {
    protocol::HelperVersion message;
    message.application = secrets_.application_version;
    for (const grid::StorageServer* server : service_.context().servers) message.grid.push_back(server->id());
    message.space = store_.space();
    message.size_max = store_.options().upload_bytes_max;
    message.retention_seconds = store_.options().retention_seconds;
    message.idle_seconds = store_.options().idle_seconds;
    return answer(200, kCbor, protocol::encode(message));
  }

  io::Task<void> file() {
    if (is("GET")) {
      const std::chrono::seconds wait(std::min(route_.wait.value_or(0), kWaitSecondsMax));
      const auto state = co_await service_.state(route_.si, asker_, wait);
      if (!state) co_return co_await refuse(state.error());
      co_return co_await answer_state(200, *state);
    }
    if (!protocol::is_cbor(head().headers.find("Content-Type")))
      co_return co_await refuse(415, "only application/cbor");
    const Result<Bytes> body = co_await http::read_all(exchange_.body(), protocol::kHelperRequestBytesMax);
    if (!body) {
      co_return co_await refuse(body.error().code == Errc::malformed ? 413 : 400,
                                "the body is too large or ended early");
    }
    Result<protocol::HelperRequest> request = protocol::decode_helper_request(*body);
    if (!request) co_return co_await refuse(400, request.error().what);
    const auto begun = co_await service_.begin(route_.si, std::move(*request), asker_);
    if (!begun) co_return co_await refuse(begun.error());
    co_await answer_state(begun->created ? 201 : 200, begun->state);
  }

  // --- sending

  io::Task<void> upload() {
    const uploads::UploadPtr upload = service_.upload_of(route_.token, asker_);
    if (upload == nullptr) return refuse(404, "no such upload");
    if (is("PATCH")) return append(upload);
    if (is("PUT")) return replace(upload);
    if (is("DELETE")) return drop(upload);
    return route_.digests ? digests(upload) : offset(upload);
  }

  io::Task<void> drop(uploads::UploadPtr upload) {
    co_await service_.drop(std::move(upload));
    co_await answer(204, "", {});
  }

  /// Why there is no turn. 423: somebody else's bytes are coming in.
  io::Task<void> refuse_turn(const Error& error, const uploads::Upload& upload) {
    http::Headers fields;
    add_offset(fields, upload);
    if (error.code == Errc::not_found) return refuse(error);
    const bool busy = error.code == Errc::conflict;
    if (busy) ++counters_.busy;
    fields.add("Retry-After", busy ? "2" : "1");
    return problem(busy ? 423 : 503, "", error.what, std::move(fields));
  }

  io::Task<void> offset(uploads::UploadPtr upload) {
    if (upload->is_open()) {
      const auto turn = co_await store_.take_turn(upload, asker_.client_id);
      if (!turn) co_return co_await refuse_turn(turn.error(), *upload);
      const Result<void> synced = co_await store_.sync(upload);
      if (!synced) co_return co_await refuse(synced.error());
    }
    http::Headers fields;
    add_offset(fields, *upload);
    fields.add("Upload-Limit", "min-size=0, max-age=" + std::to_string(store_.options().retention_seconds));
    co_await answer(204, "", {}, std::move(fields));
  }

  io::Task<void> digests(uploads::UploadPtr upload) {
    if (!upload->is_open()) co_return co_await refuse(409, "it is whole already");
    const std::uint64_t first = route_.first.value_or(0);
    const std::uint64_t count =
        std::min<std::uint64_t>(route_.count.value_or(protocol::kHelperDigestsMax), protocol::kHelperDigestsMax);
    Result<uploads::UploadStore::HeldDigests> found = co_await store_.digests(upload, first, count);
    if (!found) co_return co_await refuse(found.error());
    const protocol::HelperDigests message{first, found->offset, std::move(found->pieces)};
    co_await answer(200, kCbor, protocol::encode(message));
  }

  io::Task<void> replace(uploads::UploadPtr upload) {
    if (!upload->is_open()) co_return co_await refuse(409, "it is whole already");
    const auto turn = co_await store_.take_turn(upload, asker_.client_id);
    if (!turn) co_return co_await refuse_turn(turn.error(), *upload);
    auto reading = http::read_all(exchange_.body(), resume::kPieceBytes);
    Result<Bytes> body = co_await reading.in((*turn)->scope);
    if (!body) co_return co_await refuse(body.error().code == Errc::malformed ? 413 : 400, "not one whole piece");
    const Result<void> replaced = co_await store_.replace_piece(upload, *route_.piece, std::move(*body));
    if (!replaced) co_return co_await refuse(replaced.error());
    http::Headers fields;
    add_offset(fields, *upload);
    co_await answer(204, "", {}, std::move(fields));
  }

  io::Task<void> append(uploads::UploadPtr upload) {
    if (single("Content-Type") != kPartial) co_return co_await refuse(415, "only application/partial-upload");
    const auto at = resume::parse_sf_count(single("Upload-Offset").value_or(""));
    const auto completes = resume::parse_sf_boolean(single("Upload-Complete").value_or(""));
    if (!at || !completes) co_return co_await refuse(400, "Upload-Offset and Upload-Complete must be there");
    if (!upload->is_open()) co_return co_await append_to_whole(upload, *at, *completes);
    const auto turn = co_await store_.take_turn(upload, asker_.client_id);
    if (!turn) co_return co_await refuse_turn(turn.error(), *upload);
    Result<void> ready = co_await store_.sync(upload);
    if (!ready) co_return co_await refuse(ready.error());
    if (*at != upload->log.durable) {
      ++counters_.mismatches;
      http::Headers fields;
      add_offset(fields, *upload);
      co_return co_await problem(409, "mismatching-upload-offset", "another offset is next", std::move(fields));
    }
    if (head().content_length.value_or(0) > *upload->log.length - *at)
      co_return co_await refuse(413, "more than the length of the upload");
    uploads::OffsetNotices notices(*at, service_.context().loop.now());
    std::uint64_t next = *at;
    store_.begin_body(*upload);
    const Result<void> received = co_await receive(upload, **turn, notices, next);
    upload->body_broke_off = !received;
    const Result<void> synced = co_await store_.sync(upload, next);
    if (!received) co_return co_await refuse_rest(received.error(), *upload);
    if (!synced) co_return co_await refuse(synced.error());
    if (*completes) co_return co_await complete(upload);
    http::Headers fields;
    add_offset(fields, *upload);
    co_await answer(204, "", {}, std::move(fields));
  }

  /// An interim answer now and then, for clients that understand it: what is below the offset need never come again.
  io::Task<void> tell_durable(const uploads::Upload& upload, uploads::Turn& turn, uploads::OffsetNotices& notices) {
    const auto version = resume::parse_sf_count(single("Upload-Draft-Interop-Version").value_or(""));
    const bool understood = version == resume::kInteropVersion;
    if (!understood || !notices.due(upload.log.durable, service_.context().loop.now())) co_return;
    http::ResponseHead interim;
    interim.status = 104;
    interim.headers.add("Upload-Draft-Interop-Version", std::to_string(resume::kInteropVersion));
    interim.headers.add("Upload-Offset", std::to_string(upload.log.durable));
    auto telling = exchange_.inform(std::move(interim));
    // Whoever does not hear it sends nothing more either: the next read says so.
    static_cast<void>(co_await telling.in(turn.scope));
  }

  /// The body broke off, was more than it may be, or somebody took over: what came is kept.
  io::Task<void> refuse_rest(const Error& error, const uploads::Upload& upload) {
    const bool cut = error.code == Errc::unavailable || error.code == Errc::timeout;
    if (cut) ++counters_.broken_bodies;
    http::Headers fields;
    add_offset(fields, upload);
    return problem(cut ? 400 : http::status_of(error.code), "", error.what, std::move(fields));
  }

  io::Task<void> complete(uploads::UploadPtr upload) {
    const auto pieces = protocol::parse_pieces_field(single("Holdfast-Pieces").value_or(""));
    if (!pieces) co_return co_await refuse(400, "Holdfast-Pieces must be there");
    const auto state = co_await service_.complete(upload, *pieces, asker_);
    if (!state) co_return co_await refuse(state.error());
    co_await answer_state(202, *state);
  }

  /// The answer to the completing request may have been lost: it is given again.
  io::Task<void> append_to_whole(uploads::UploadPtr upload, std::uint64_t at, bool completes) {
    const bool again =
        completes && at == upload->log.length && head().content_length.value_or(0) == 0 && !head().chunked;
    if (again) return complete(std::move(upload));
    http::Headers fields;
    add_offset(fields, *upload);
    return problem(409, "completed-upload", "it is whole already", std::move(fields));
  }

  /// One piece is read while the one before is stored. What came before an error is kept; `next` is the offset behind it.
  io::Task<Result<void>> receive(uploads::UploadPtr upload, uploads::Turn& turn, uploads::OffsetNotices& notices,
                                 std::uint64_t& next) {
    std::uint64_t missing = *upload->log.length - next;
    Result<void> stored;
    Result<bool> ended = false;
    const std::function<void()> heard = [this, &upload] { store_.hear(*upload); };
    io::TaskGroup storing(co_await io::this_scope());
    while (stored && ended && !*ended) {
      auto loan = std::make_unique<io::PieceLoan>(counters_.piece_bytes_lent, std::max<std::uint64_t>(missing, 1));
      Buffer piece(loan->bytes());
      ended = co_await http::read_piece(exchange_.body(), turn.scope, kAppendEvery, piece, heard);
      if (ended && turn.scope.cancelled()) ended = fail(Errc::cancelled, "a newer request has taken over");
      missing -= std::min<std::uint64_t>(missing, piece.size());
      co_await storing.join();
      if (stored && !piece.empty())
        storing.spawn(store_piece(upload, std::move(piece), std::move(loan), &stored, &next));
      if (ended && !*ended) co_await tell_durable(*upload, turn, notices);
    }
    co_await storing.join();
    if (!stored) co_return stored;
    if (!ended) co_return tl::make_unexpected(ended.error());
    co_return Result<void>{};
  }

  io::Task<void> store_piece(uploads::UploadPtr upload, Buffer piece, std::unique_ptr<io::PieceLoan> loan,
                             Result<void>* stored, std::uint64_t* next) {
    const std::uint64_t count = piece.size();
    *stored = co_await store_.append(upload, *next, std::move(piece));
    if (*stored) *next += count;
    loan.reset();  // not before: the bytes were held until now
  }

  // --- operators

  io::Task<void> operate() {
    if (route_.kind == HelperRouteKind::metrics)
      co_return co_await answer(200, "text/plain; version=0.0.4", to_bytes(metrics_text(service_, counters_)));
    if (route_.kind == HelperRouteKind::status)
      co_return co_await answer(200, "application/json", to_bytes(status_json(service_)));
    Result<void> done = fail(Errc::malformed, "do=retry or do=drop");
    if (route_.action == "retry") done = service_.retry_now(std::string(route_.token));
    if (route_.action == "drop") done = co_await service_.drop_job(std::string(route_.token));
    if (!done) co_return co_await refuse(done.error());
    co_await answer(204, "", {});
  }

  HelperService& service_;
  uploads::UploadStore& store_;
  RouteCounters& counters_;
  http::Exchange& exchange_;
  const RouteSecrets& secrets_;
  protocol::HelperRoute route_;
  Asker asker_;
};

}  // namespace

http::Handler make_helper_handler(HelperService& service, RouteCounters& counters, RouteSecrets secrets) {
  const std::string authorization = protocol::authorization_value(secrets.swissnum);
  return
      [&service, &counters, authorization, secrets = std::move(secrets)](http::Exchange& exchange) -> io::Task<void> {
        Request request(service, counters, exchange, secrets);
        co_await request.serve(authorization);
      };
}

}  // namespace holdfast::helper
