#include "holdfast/node/gateway/draft_dialect.h"

#include <algorithm>

#include "holdfast/core/protocol/content_disposition.h"
#include "holdfast/core/resume/draft_fields.h"
#include "holdfast/edge/http/text.h"
#include "holdfast/node/gateway/digest_claims.h"
#include "holdfast/node/gateway/refusals.h"
#include "holdfast/node/gateway/waiting_answer.h"

namespace holdfast::gateway {
namespace {

using End = AppendOutcome::End;
using resume::DraftRules;

constexpr std::string_view kInterop = "Upload-Draft-Interop-Version";

/// Behind an unknown proxy an interim answer may be taken for the final one.
bool came_through_proxy(const http::Exchange& exchange) {
  return has_field(exchange, "Via") || has_field(exchange, "Forwarded") || has_field(exchange, "X-Forwarded-For");
}

class DraftRequest {
 public:
  DraftRequest(const UploadDesk& desk, WebRequest request, DraftRules rules)
      : desk_(desk), handles_(desk.handles), exchange_(request.exchange), rules_(rules) {}

  io::Task<void> create();
  io::Task<void> on(std::string_view method, UploadHandlePtr handle);

 private:
  http::Headers fields() const {
    http::Headers out;
    if (!rules_.rfc_mode) out.add(std::string(kInterop), std::to_string(rules_.version));
    return out;
  }
  void add_complete(http::Headers& out, bool complete) const {
    const bool value = rules_.says_incomplete() ? !complete : complete;
    out.add(rules_.says_incomplete() ? "Upload-Incomplete" : "Upload-Complete", value ? "?1" : "?0");
  }
  void add_position(http::Headers& out, const UploadHandle& handle, bool complete) const {
    out.add("Upload-Offset", std::to_string(handle.offset()));
    add_complete(out, complete);
    if (const auto length = handle.length()) out.add("Upload-Length", std::to_string(*length));
    out.add("Upload-Limit", upload_limit(desk_, &handle));
  }
  /// What this request's body is: the end of the upload, or not. Nothing: the field is missing or no Boolean.
  std::optional<bool> completes() const {
    const auto said = resume::parse_sf_boolean(
        single_field(exchange_, rules_.says_incomplete() ? "Upload-Incomplete" : "Upload-Complete").value_or(""));
    return said && rules_.says_incomplete() ? !*said : said;
  }
  io::Task<void> refuse(unsigned status, std::string_view type, std::string why) {
    return answer_problem(exchange_, status, type, why, fields());
  }
  bool interim_allowed() const { return !rules_.rfc_mode && !came_through_proxy(exchange_); }
  io::Task<void> tell_url(UploadHandlePtr handle);
  io::Task<void> tell_offset(std::uint64_t durable);
  Result<UploadAbout> about_of_creation() const;
  io::Task<void> query(UploadHandlePtr handle);
  io::Task<void> append(UploadHandlePtr handle);
  io::Task<void> answer_append(UploadHandlePtr handle, AppendOutcome outcome, bool created);
  io::Task<void> refuse_whole(UploadHandlePtr handle);
  io::Task<void> answer_final(UploadHandlePtr handle);

  const UploadDesk& desk_;
  UploadHandles& handles_;
  http::Exchange& exchange_;
  const DraftRules rules_;
};

io::Task<void> DraftRequest::tell_url(UploadHandlePtr handle) {
  if (!interim_allowed()) co_return;
  http::ResponseHead head;
  head.status = 104;
  head.headers = fields();
  head.headers.add("Location", upload_url(desk_, exchange_, *handle));
  head.headers.add("Upload-Limit", upload_limit(desk_, handle.get()));
  static_cast<void>(co_await exchange_.inform(std::move(head)));
}

io::Task<void> DraftRequest::tell_offset(std::uint64_t durable) {
  if (!interim_allowed() || !rules_.progress_offsets()) co_return;
  http::ResponseHead head;
  head.status = 104;
  head.headers = fields();
  head.headers.add("Upload-Offset", std::to_string(durable));
  static_cast<void>(co_await exchange_.inform(std::move(head)));
}

Result<UploadAbout> DraftRequest::about_of_creation() const {
  UploadAbout about;
  about.dialect = UploadAbout::Dialect::draft;
  about.media_type = std::string(single_field(exchange_, "Content-Type").value_or(""));
  about.name = protocol::name_in_disposition(single_field(exchange_, "Content-Disposition").value_or(""));
  HF_TRY_VOID(read_claims(exchange_, about));
  return about;
}

io::Task<void> DraftRequest::create() {
  const bool complete = completes().value_or(true);
  if (has_field(exchange_, "Upload-Offset") &&
      resume::parse_sf_count(single_field(exchange_, "Upload-Offset").value_or("")) != 0)
    co_return co_await refuse(400, "", "an upload begins at offset 0");
  Result<UploadAbout> about = about_of_creation();
  if (!about) co_return co_await refuse(400, "", about.error().what);
  UploadHandles::NewHandle wanted;
  wanted.about = std::move(*about);
  wanted.length = resume::parse_sf_count(single_field(exchange_, "Upload-Length").value_or(""));
  const std::optional<std::uint64_t> content_length = body_length(exchange_);
  if (complete && content_length) {
    if (wanted.length.value_or(*content_length) != *content_length)
      co_return co_await refuse(400, "inconsistent-upload-length", "Upload-Length is not the length of the body");
    wanted.length = content_length;
  }
  Result<UploadHandlePtr> made = co_await handles_.create(std::move(wanted));
  if (!made) {
    http::Headers out = fields();
    add_complete(out, false);
    out.add("Upload-Limit", upload_limit(desk_, nullptr));
    const unsigned status = status_of_creation(made.error().code);
    co_return co_await answer_problem(exchange_, status, "", made.error().what, std::move(out));
  }
  co_await tell_url(*made);
  AppendWish wish;
  read_content_digest(exchange_, wish);
  wish.offset = 0;
  wish.content_length = content_length;
  wish.completes = complete;
  wish.progress = [this](std::uint64_t durable) { return tell_offset(durable); };
  AppendOutcome outcome = co_await handles_.append(*made, std::move(wish), exchange_.body());
  co_await answer_append(*made, std::move(outcome), true);
}

io::Task<void> DraftRequest::on(std::string_view method, UploadHandlePtr handle) {
  const bool query_like = method != "PATCH";
  if (query_like && rules_.refuses_fields_on_query()) {
    for (const char* name : {"Upload-Offset", "Upload-Complete", "Upload-Incomplete", "Upload-Length"}) {
      if (has_field(exchange_, name)) return refuse(400, "", std::string(name) + " must not be there");
    }
  }
  if (method == "PATCH") return append(handle);
  if (method == "DELETE") return answer_cancelled(desk_, exchange_, handle, fields());
  if (handle == nullptr || handle->has_ended()) return answer_gone(exchange_, handle, fields());
  if (method == "GET" && !rules_.allows_get()) {
    http::Headers out = fields();
    out.add("Allow", "HEAD, PATCH, DELETE, OPTIONS");
    return answer_problem(exchange_, 405, "", "ask with HEAD", std::move(out));
  }
  return query(handle);
}

io::Task<void> DraftRequest::query(UploadHandlePtr handle) {
  const Result<std::uint64_t> offset = co_await handles_.query(handle);
  if (!offset) co_return co_await refuse(503, "", offset.error().what);
  if (handle->has_ended()) co_return co_await answer_gone(exchange_, handle, fields());
  http::Headers out = fields();
  add_position(out, *handle, !handle->is_receiving());
  add_pending(out, *handle);
  co_await answer(exchange_, 204, std::move(out));
}

io::Task<void> DraftRequest::append(UploadHandlePtr handle) {
  if (rules_.wants_media_type() && media_type_of_body(exchange_) != kPartialMedia) {
    http::Headers out = fields();
    out.add("Accept-Patch", std::string(kPartialMedia) + ", " + std::string(kTusMedia));
    co_return co_await answer_problem(exchange_, 415, "", "the body must be " + std::string(kPartialMedia),
                                      std::move(out));
  }
  AppendWish wish;
  wish.offset = resume::parse_sf_count(single_field(exchange_, "Upload-Offset").value_or(""));
  if (!wish.offset) co_return co_await refuse(400, "", "Upload-Offset is missing or not a number");
  const std::optional<bool> said = completes();
  if (!said && !rules_.absent_means_complete()) co_return co_await refuse(400, "", "Upload-Complete is missing");
  if (handle == nullptr || handle->has_ended()) co_return co_await answer_gone(exchange_, handle, fields());
  wish.completes = said.value_or(true);
  if (has_field(exchange_, "Upload-Length"))
    wish.length = resume::parse_sf_count(single_field(exchange_, "Upload-Length").value_or(""));
  wish.content_length = body_length(exchange_);
  if (!handle->is_receiving()) {
    const bool again = wish.completes && wish.offset == handle->offset() && !has_body(exchange_);
    if (again) co_return co_await answer_final(handle);
    co_return co_await refuse_whole(handle);
  }
  co_await read_proof(handles_, exchange_, handle, *wish.offset);
  if (*wish.offset != handle->offset()) {
    const Result<std::uint64_t> offset = co_await handles_.query(handle);
    if (!offset) co_return co_await refuse(503, "", offset.error().what);
  }
  read_content_digest(exchange_, wish);
  wish.completes_at_length = handle->about.dialect == UploadAbout::Dialect::tus;
  wish.progress = [this](std::uint64_t durable) { return tell_offset(durable); };
  AppendOutcome outcome = co_await handles_.append(handle, std::move(wish), exchange_.body());
  co_await answer_append(handle, std::move(outcome), false);
}

io::Task<void> DraftRequest::answer_append(UploadHandlePtr handle, AppendOutcome outcome, bool created) {
  if (outcome.end == End::broken || outcome.end == End::slow) co_return exchange_.abandon();
  if (outcome.end == End::stored && outcome.whole) co_return co_await answer_final(handle);
  if (outcome.end == End::ended) co_return co_await answer_gone(exchange_, handle, fields());
  if (outcome.end == End::whole_already) co_return co_await refuse_whole(handle);
  http::Headers out = fields();
  if (created) out.add("Location", upload_url(desk_, exchange_, *handle));
  if (handle->has_ended()) add_complete(out, outcome.end == End::wrong_digest);
  if (!handle->has_ended()) add_position(out, *handle, false);
  if (outcome.end == End::stored)
    co_return co_await answer(exchange_, created ? 201 : rules_.stored_status(), std::move(out));
  co_await answer_refusal(exchange_, outcome, std::move(out));
}

io::Task<void> DraftRequest::refuse_whole(UploadHandlePtr handle) {
  http::Headers out = fields();
  out.add("Upload-Offset", std::to_string(handle->offset()));
  add_complete(out, false);
  const bool old = rules_.completed_is_400();
  return answer_problem(exchange_, old ? 400 : 409, old ? "completed-upload" : "", "the upload is whole already",
                        std::move(out));
}

/// The target's answer; the same one to whoever lost it and asks again.
io::Task<void> DraftRequest::answer_final(UploadHandlePtr handle) {
  http::Headers out = fields();
  add_position(out, *handle, true);
  WaitingAnswer waiting(desk_, exchange_);
  if (interim_allowed() && rules_.progress_offsets()) {
    waiting.meanwhile = [this, offset = handle->offset()]() { return tell_offset(offset); };
  }
  co_await waiting.answer(handle, std::move(out));
}

}  // namespace

std::optional<DraftRules> draft_rules_of(const http::Exchange& exchange) {
  if (has_field(exchange, kInterop)) {
    const auto version = resume::parse_sf_count(single_field(exchange, kInterop).value_or(""));
    return version ? resume::draft_rules(*version) : std::nullopt;
  }
  const bool marked = resume::parse_sf_boolean(single_field(exchange, "Upload-Complete").value_or("")).has_value();
  return marked ? std::optional(DraftRules{resume::kInteropNewest, true}) : std::nullopt;
}

bool begins_draft_upload(const http::Exchange& exchange, const DraftRules& rules) {
  const char* field = rules.says_incomplete() ? "Upload-Incomplete" : "Upload-Complete";
  return resume::parse_sf_boolean(single_field(exchange, field).value_or("")).has_value();
}

std::string upload_limit(const UploadDesk& desk, const UploadHandle* handle) {
  std::string out = "min-size=0";
  const std::uint64_t most = desk.handles.store().options().upload_bytes_max;
  if (most < std::uint64_t{1} << 49U) out += ", max-size=" + std::to_string(most);  // 15 digits, no more
  const uploads::UploadStore& store = desk.handles.store();
  const std::uint64_t age = handle != nullptr ? store.expires_in(*handle->upload) : store.options().retention_seconds;
  return out + ", max-age=" + std::to_string(age);
}

io::Task<void> draft_create(const UploadDesk& desk, WebRequest request, DraftRules rules) {
  DraftRequest draft(desk, request, rules);
  co_await draft.create();
}

io::Task<void> draft_request(const UploadDesk& desk, WebRequest request, std::string_view method,
                             UploadHandlePtr handle, DraftRules rules) {
  DraftRequest draft(desk, request, rules);
  co_await draft.on(method, std::move(handle));
}

}  // namespace holdfast::gateway
