#include "holdfast/node/gateway/upload_routes.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/node/gateway/check_route.h"
#include "holdfast/node/gateway/draft_dialect.h"
#include "holdfast/node/gateway/plain_dialect.h"
#include "holdfast/node/gateway/tus_dialect.h"
#include "holdfast/node/gateway/upload_pieces.h"

namespace holdfast::gateway {
namespace {

using resume::DraftRules;

constexpr std::string_view kFileMethods = "GET, HEAD, OPTIONS";  // of a file that is in the grid
constexpr std::uint64_t kWaitSecondsMax = 60;
constexpr io::Duration kLookEvery = std::chrono::milliseconds(250);

/// The method that counts (resumable-upload.md 1.12). Nothing: an override that cannot be.
std::optional<std::string> method_of(const http::Exchange& exchange) {
  const std::string& method = exchange.request().method;
  const auto field = exchange.request().headers.find("X-HTTP-Method-Override");
  if (method != "POST" || !field) return method;
  std::string wanted(*field);
  std::ranges::transform(wanted, wanted.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (wanted != "PATCH" && wanted != "DELETE" && wanted != "HEAD") return std::nullopt;
  return wanted;
}

bool both_dialects(const http::Exchange& exchange) {
  return has_field(exchange, "Tus-Resumable") && has_field(exchange, "Upload-Draft-Interop-Version");
}

/// A field on which everything depends, twice: nobody knows which one is meant.
bool ambiguous(const http::Exchange& exchange) {
  for (const char* name : {"Upload-Offset", "Upload-Length", "Tus-Resumable", "Upload-Complete", "Content-Range"}) {
    if (exchange.request().headers.find_all(name).size() > 1) return true;
  }
  return false;
}

/// Before it is known what the request is about, in the manners of its dialect.
io::Task<void> refuse(WebRequest request, unsigned status, std::string why) {
  http::Headers out;
  if (has_field(request.exchange, "Tus-Resumable")) out.add("Tus-Resumable", std::string(kTusVersion));
  if (status == 405) out.add("Allow", "HEAD, PATCH, PUT, GET, DELETE, OPTIONS");
  if (status == 429) out.add("Retry-After", "1");  // UploadHandles::allow_request allows some then
  return answer_problem(request.exchange, status, "", why, std::move(out));
}

io::Task<void> bad(WebRequest request, std::string why) {
  return refuse(request, 400, std::move(why));
}

/// The state, when it changes or the time is over.
io::Task<void> tell_state(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle) {
  if (handle == nullptr) co_return co_await answer_gone(request.exchange, handle, {});
  const auto wait = protocol::parse_decimal(request.target.argument("wait").value_or("0"));
  io::Loop& loop = desk.handles.loop();
  const io::Time deadline = loop.now() + std::chrono::seconds(std::min(wait.value_or(0), kWaitSecondsMax));
  const auto seen = [&] { return std::pair(handle->state, handle->progress.shares_placed); };
  const auto before = seen();
  const auto over = [&] { return handle->result || handle->has_ended() || request.exchange.client_finished(); };
  while (seen() == before && loop.now() < deadline && !over()) {
    const io::Duration step = std::min<io::Duration>(kLookEvery, deadline - loop.now());
    const Result<void> told = co_await io::with_timeout(step, handle->changed.told());
    if (!told && told.error().code == Errc::cancelled) break;
  }
  const unsigned status = handle->has_ended() ? 410 : 200;
  co_await answer(request.exchange, status, {}, state_json(desk, *handle), "application/json");
}

io::Task<void> create(const UploadDesk& desk, WebRequest request) {
  const http::Exchange& exchange = request.exchange;
  if (ambiguous(exchange)) return bad(request, "a field is there twice");
  if (both_dialects(exchange)) return bad(request, "either tus or the IETF draft");
  if (method_of(exchange) != "POST")
    return bad(request, "there is nothing here that X-HTTP-Method-Override could be for");
  const auto rules = draft_rules_of(exchange);
  if (rules && begins_draft_upload(exchange, *rules)) return draft_create(desk, request, *rules);
  // A version of the draft that is not spoken here: its fields mean nothing, and the request is a plain one.
  const bool draft = has_field(exchange, "Upload-Draft-Interop-Version");
  return speaks_tus(exchange) && !draft ? tus_create(desk, request) : plain_create(desk, request);
}

enum class Dialect { tus, draft, plain, unknown_media };

/// By the media type of what is sent, by what the request says, by who created it.
Dialect dialect_of(const http::Exchange& exchange, std::string_view method, const UploadHandlePtr& handle,
                   const std::optional<DraftRules>& rules) {
  if (method == "PUT") return Dialect::plain;
  if (method == "PATCH") {
    const std::string media = media_type_of_body(exchange);
    if (media == kTusMedia && !(rules && !rules->wants_media_type() && !rules->rfc_mode)) return Dialect::tus;
    if (media == kPartialMedia) return Dialect::draft;
    if (rules && !rules->rfc_mode && !rules->wants_media_type()) return Dialect::draft;
    return has_field(exchange, "Tus-Resumable") ? Dialect::tus : Dialect::unknown_media;
  }
  // GET is no method of tus, whatever else the request says.
  if (has_field(exchange, "Tus-Resumable")) return method == "GET" ? Dialect::plain : Dialect::tus;
  if (rules) return Dialect::draft;
  if (handle == nullptr) return Dialect::plain;
  switch (handle->about.dialect) {
    case UploadAbout::Dialect::tus:
      return method == "GET" ? Dialect::plain : Dialect::tus;
    case UploadAbout::Dialect::draft:
      return method == "GET" ? Dialect::plain : Dialect::draft;
    case UploadAbout::Dialect::plain:
      break;
  }
  return Dialect::plain;
}

io::Task<void> request_upload(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle) {
  const http::Exchange& exchange = request.exchange;
  const std::optional<std::string> method = method_of(exchange);
  if (!method) co_return co_await bad(request, "X-HTTP-Method-Override can be PATCH, DELETE or HEAD");
  if (ambiguous(exchange)) co_return co_await bad(request, "a field is there twice");
  if (both_dialects(exchange)) co_return co_await bad(request, "either tus or the IETF draft");
  if (*method == "POST") co_return co_await refuse(request, 405, "an upload is sent to with PATCH or PUT");
  const std::optional<DraftRules> rules = draft_rules_of(exchange);
  if (!rules && has_field(exchange, "Upload-Draft-Interop-Version"))
    co_return co_await bad(request, "that version of the draft is not spoken here");
  const Dialect dialect = dialect_of(exchange, *method, handle, rules);
  if (handle != nullptr && !handle->has_ended() && !desk.handles.allow_request(*handle))
    co_return co_await refuse(request, 429, "too many requests for one upload");
  if (*method == "DELETE" && handle != nullptr && handle->upload->pins > 0)
    co_return co_await refuse(request, 409, "a concatenation needs the bytes of this upload");
  switch (dialect) {
    case Dialect::tus:
      co_return co_await tus_request(desk, request, *method, std::move(handle));
    case Dialect::draft:
      co_return co_await draft_request(desk, request, *method, std::move(handle),
                                       rules.value_or(DraftRules{resume::kInteropNewest, true}));
    case Dialect::plain:
      co_return co_await plain_request(desk, request, std::move(handle));
    case Dialect::unknown_media:
      break;
  }
  http::Headers out;
  const std::string both = std::string(kPartialMedia) + ", " + std::string(kTusMedia);
  out.add("Accept-Patch", both);
  co_await answer_problem(request.exchange, 415, "", "the body must be one of " + both, std::move(out));
}

io::Task<void> serve_uploads(const UploadDesk& desk, WebRequest request) {
  const std::string& method = request.exchange.request().method;
  const protocol::WebTarget& target = request.target;
  if (target.path.size() > 2) co_return co_await answer_text(request.exchange, 404, "there is no such page here");
  if (target.path.size() == 1) {
    if (method == "POST") co_return co_await create(desk, request);
    http::Headers out;
    out.add("Allow", "POST, OPTIONS");
    co_return co_await answer_text(request.exchange, 405, "uploads begin with POST", std::move(out));
  }
  UploadHandlePtr handle = desk.handles.find_by_token(target.segment(1));
  if (handle != nullptr) co_await desk.handles.store().end_if_expired(handle->upload);
  const bool reads = method == "GET" || method == "HEAD";
  if (reads && target.argument("t") == "status") co_return co_await tell_state(desk, request, std::move(handle));
  if (method == "GET" && target.argument("digests")) co_return co_await tell_digests(desk, request, std::move(handle));
  if (method == "PUT" && target.argument("piece")) co_return co_await replace_piece(desk, request, std::move(handle));
  co_await request_upload(desk, request, std::move(handle));
}

/// Discovery, and preflights of pages of other sites.
io::Task<void> options(const UploadDesk& desk, WebRequest request) {
  http::Headers out;
  if (request.target.segment(0) != "uploads" && request.target.path.size() > 1) {
    out.add("Allow", std::string(kFileMethods));
    co_return co_await answer(request.exchange, 204, std::move(out));
  }
  add_tus_discovery(out, desk);
  out.add("Upload-Limit", upload_limit(desk, nullptr));
  out.add("Accept-Patch", std::string(kPartialMedia) + ", " + std::string(kTusMedia));
  out.add("Allow", "POST, HEAD, PATCH, PUT, OPTIONS, GET, DELETE");
  co_await answer(request.exchange, 200, std::move(out));
}

io::Task<void> serve_uri(const UploadDesk& desk, WebRequest request) {
  const http::Exchange& exchange = request.exchange;
  const std::string& method = exchange.request().method;
  if (const auto key = request.target.argument("resume")) co_return co_await named_request(desk, request, *key);
  const std::string_view form = request.target.argument("t").value_or("");
  if (method == "POST" && form == "check" && request.target.path.size() == 2)
    co_return co_await check_file(desk.shared, request);
  if (request.target.path.size() > 1) {
    http::Headers out;
    out.add("Allow", std::string(kFileMethods));
    co_return co_await answer_text(request.exchange, 405,
                                   "an immutable file cannot be changed; directories are not served here yet",
                                   std::move(out));
  }
  const std::string_view format = request.target.argument("format").value_or("CHK");
  if (method == "DELETE") co_return co_await bad(request, "only an upload can be deleted here: DELETE /uri?resume=KEY");
  if (!form.empty() && !(method == "POST" && form == "upload"))
    co_return co_await bad(request, method + " /uri: bad t=" + std::string(form).substr(0, 40));
  if (!protocol::same_ignoring_case(format, "CHK") || request.target.argument("mutable"))
    co_return co_await bad(request, "only immutable files are made here yet");
  const auto rules = draft_rules_of(exchange);
  if (rules && begins_draft_upload(exchange, *rules)) co_return co_await draft_create(desk, request, *rules);
  if (has_field(exchange, "Content-Range")) {
    co_return co_await bad(request, "PUT /uri takes whole files; /uri?resume=KEY takes parts of them");
  }
  if (method == "PUT") co_return co_await put_file(desk, request);
  co_await post_form(desk, request);
}

}  // namespace

void add_upload_routes(RouteTable& routes, const UploadDesk& desk) {
  const RouteHandler uploads = [&desk](WebRequest request) { return serve_uploads(desk, request); };
  for (const char* method : {"POST", "GET", "HEAD", "PATCH", "PUT", "DELETE"}) routes.add("uploads", method, uploads);
  const RouteHandler discovery = [&desk](WebRequest request) { return options(desk, request); };
  const RouteHandler uri = [&desk](WebRequest request) { return serve_uri(desk, request); };
  const RouteHandler files = *routes.find("uri", "GET");
  const RouteHandler named_or_file = [&desk, files](WebRequest request) -> io::Task<void> {
    const auto key = request.target.argument("resume");
    return key && request.target.path.size() == 1 ? named_request(desk, request, *key) : files(request);
  };
  for (const char* first : {"uri", "cap"}) {
    for (const char* method : {"PUT", "POST", "DELETE"}) routes.add(first, method, uri);
    routes.add(first, "GET", named_or_file);
    routes.add(first, "OPTIONS", discovery);
  }
  routes.add("uploads", "OPTIONS", discovery);
}

}  // namespace holdfast::gateway
