#include "holdfast/node/gateway/plain_dialect.h"

#include <algorithm>
#include <cstring>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/resume/draft_fields.h"
#include "holdfast/edge/http/text.h"
#include "holdfast/node/gateway/digest_claims.h"
#include "holdfast/node/gateway/draft_dialect.h"
#include "holdfast/node/gateway/refusals.h"
#include "holdfast/node/gateway/waiting_answer.h"

namespace holdfast::gateway {
namespace {

using End = AppendOutcome::End;

constexpr std::size_t kKeyBytesMin = 22, kKeyBytesMax = 128;  // 22 characters of base64 are 132 bits

/// A body of which the beginning has been read already.
class BegunBody final : public http::BodyReader {
 public:
  BegunBody(Bytes begin, http::BodyReader& rest) : begin_(std::move(begin)), rest_(rest) {}
  io::Task<Result<std::size_t>> read_some(MutableByteView out) override {
    if (at_ == begin_.size()) co_return co_await rest_.read_some(out);
    const std::size_t count = std::min(out.size(), begin_.size() - at_);
    std::memcpy(out.data(), begin_.data() + at_, count);
    at_ += count;
    co_return count;
  }
  std::optional<std::uint64_t> length() const override { return rest_.length(); }
  const http::Headers& trailers() const override { return rest_.trailers(); }

 private:
  const Bytes begin_;
  http::BodyReader& rest_;
  std::size_t at_ = 0;
};

bool is_key(std::string_view key) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.' || c == '~';
  };
  return key.size() >= kKeyBytesMin && key.size() <= kKeyBytesMax && std::ranges::all_of(key, fits);
}

class PlainRequest {
 public:
  PlainRequest(const UploadDesk& desk, WebRequest request, unsigned success)
      : desk_(desk), handles_(desk.handles), exchange_(request.exchange), success_(success) {}

  /// `key_name`: what it is called when it has to be made.
  io::Task<void> put(UploadHandlePtr handle, std::string key_name);
  io::Task<void> query(UploadHandlePtr handle);
  io::Task<void> drop(UploadHandlePtr handle);
  io::Task<void> create_empty();
  io::Task<void> whole_file(http::BodyReader& body, std::optional<std::uint64_t> length, UploadAbout about);

 private:
  http::Headers position(const UploadHandle& handle, bool complete) const {
    http::Headers out;
    out.add("Upload-Offset", std::to_string(handle.offset()));
    out.add("Upload-Complete", complete ? "?1" : "?0");
    if (const auto length = handle.length()) out.add("Upload-Length", std::to_string(*length));
    out.add("Upload-Limit", upload_limit(desk_, &handle));
    return out;
  }
  io::Task<void> refuse_creation(const Error& error);
  Result<AppendWish> read_wish() const;
  Result<void> read_range(AppendWish& wish) const;
  Result<void> read_draft_terms(AppendWish& wish) const;
  io::Task<Result<UploadHandlePtr>> handle_for(UploadHandlePtr handle, const std::string& key_name, AppendWish& wish);
  io::Task<void> answer_append(UploadHandlePtr handle, AppendOutcome outcome);
  io::Task<void> answer_final(UploadHandlePtr handle);

  const UploadDesk& desk_;
  UploadHandles& handles_;
  http::Exchange& exchange_;
  const unsigned success_;
};

io::Task<void> PlainRequest::refuse_creation(const Error& error) {
  return answer_problem(exchange_, status_of_creation(error.code), "", error.what, {});
}

io::Task<void> PlainRequest::create_empty() {
  UploadHandles::NewHandle wanted;
  const Result<void> claims = read_claims(exchange_, wanted.about);
  if (!claims) co_return co_await refuse_creation(claims.error());
  const Result<UploadHandlePtr> made = co_await handles_.create(std::move(wanted));
  if (!made) co_return co_await refuse_creation(made.error());
  http::Headers out = position(**made, false);
  const std::string url = upload_url(desk_, exchange_, **made);
  out.add("Location", url);
  co_await answer(exchange_, 201, std::move(out), url + "\n");
}

/// Where the body goes and whether it ends the upload. Errors: malformed.
Result<AppendWish> PlainRequest::read_wish() const {
  AppendWish wish;
  wish.content_length = body_length(exchange_);
  wish.completes = true;
  if (has_field(exchange_, "Content-Range")) HF_TRY_VOID(read_range(wish));
  HF_TRY_VOID(read_draft_terms(wish));
  if (!wish.offset && wish.completes) wish.length = wish.content_length;
  read_content_digest(exchange_, wish);
  return wish;
}

Result<void> PlainRequest::read_range(AppendWish& wish) const {
  HF_TRY(const protocol::ContentRange range,
         protocol::parse_content_range(single_field(exchange_, "Content-Range").value_or("")));
  if (wish.content_length.value_or(range.range.size()) != range.range.size())
    return fail(Errc::malformed, "Content-Length is not the length of the range");
  if (range.total && range.range.end > *range.total) return fail(Errc::malformed, "the range goes beyond the length");
  wish.offset = range.range.begin;
  wish.length = range.total;
  wish.content_length = range.range.size();
  wish.completes = range.total == range.range.end;
  return {};
}

/// The same in the terms of the IETF draft; where both are there they must agree (web-api.md 15.2).
Result<void> PlainRequest::read_draft_terms(AppendWish& wish) const {
  const bool range = has_field(exchange_, "Content-Range");
  if (has_field(exchange_, "Upload-Offset")) {
    const auto offset = resume::parse_sf_count(single_field(exchange_, "Upload-Offset").value_or(""));
    if (!offset || wish.offset.value_or(*offset) != *offset)
      return fail(Errc::malformed, "Upload-Offset is not a number, or not where Content-Range begins");
    wish.offset = offset;
  }
  if (has_field(exchange_, "Upload-Complete")) {
    const auto complete = resume::parse_sf_boolean(single_field(exchange_, "Upload-Complete").value_or(""));
    if (!complete || (range && wish.completes != *complete))
      return fail(Errc::malformed, "Upload-Complete is neither ?0 nor ?1, or says other than Content-Range");
    wish.completes = *complete;
  }
  if (has_field(exchange_, "Upload-Length")) {
    const auto length = resume::parse_sf_count(single_field(exchange_, "Upload-Length").value_or(""));
    if (!length || wish.length.value_or(*length) != *length)
      return fail(Errc::malformed, "Upload-Length is not a number, or says other than Content-Range");
    wish.length = length;
  }
  return {};
}

/// The upload that the body goes into: the one there is, which a whole file replaces, or a new one.
io::Task<Result<UploadHandlePtr>> PlainRequest::handle_for(UploadHandlePtr handle, const std::string& key_name,
                                                           AppendWish& wish) {
  UploadHandles::NewHandle wanted;
  HF_CO_TRY_VOID(read_claims(exchange_, wanted.about));
  const bool whole_file = !wish.offset;
  if (handle != nullptr && !handle->has_ended()) {
    const bool again = whole_file && !handle->is_receiving() && !key_name.empty();
    if (!again) {
      if (whole_file) wish.replaces = std::move(wanted.about);
      wish.keeps_promise = key_name.empty();  // who made it is not who sends, perhaps; behind a key it is
      co_return handle;
    }
    co_await handles_.cancel(handle);
  }
  wanted.name = key_name;
  wanted.length = wish.length;
  wanted.about.media_type = media_type_of_body(exchange_);
  co_return co_await handles_.create(std::move(wanted));
}

io::Task<void> PlainRequest::put(UploadHandlePtr handle, std::string key_name) {
  Result<AppendWish> wish = read_wish();
  if (!wish) co_return co_await answer_problem(exchange_, 400, "", wish.error().what, {});
  const bool there = handle != nullptr && !handle->has_ended();
  if (key_name.empty() && !there) co_return co_await answer_gone(exchange_, handle, {});
  if (!there && wish->offset.value_or(0) > 0) {
    http::Headers out;
    out.add("Upload-Offset", "0");
    out.add("Upload-Complete", "?0");
    co_return co_await answer_problem(exchange_, 409, "mismatching-upload-offset", "nothing is here yet",
                                      std::move(out));
  }
  if (there && wish->offset) co_await read_proof(handles_, exchange_, handle, *wish->offset);
  const bool lost_answer = there && !handle->is_receiving() && wish->offset == handle->offset() && !has_body(exchange_);
  if (lost_answer) co_return co_await answer_final(handle);
  // What is held is dropped for a new file only when its first byte is here. How much that is nobody knows yet: somebody may be
  // bringing more.
  Bytes begin;
  const bool drops = there && !wish->offset && (handle->is_receiving() || !key_name.empty());
  if (drops && has_body(exchange_)) {
    begin.resize(16 * 1024);
    const Result<std::size_t> count = co_await exchange_.body().read_some(begin);
    if (!count) co_return exchange_.abandon();
    begin.resize(*count);
  }
  const Result<UploadHandlePtr> into = co_await handle_for(handle, key_name, *wish);
  if (!into) co_return co_await refuse_creation(into.error());
  BegunBody body(std::move(begin), exchange_.body());
  AppendOutcome outcome = co_await handles_.append(*into, std::move(*wish), body);
  co_await answer_append(*into, std::move(outcome));
}

io::Task<void> PlainRequest::answer_final(UploadHandlePtr handle) {
  WaitingAnswer waiting(desk_, exchange_);
  waiting.success = success_;
  co_await waiting.answer(handle, position(*handle, true));
}

io::Task<void> PlainRequest::answer_append(UploadHandlePtr handle, AppendOutcome outcome) {
  if (outcome.end == End::broken || outcome.end == End::slow) co_return exchange_.abandon();
  if (outcome.end == End::ended) co_return co_await answer_gone(exchange_, handle, {});
  if (outcome.end == End::wrong_digest) co_return co_await answer_refusal(exchange_, outcome, {});
  const bool complete = !handle->is_receiving();
  http::Headers out = position(*handle, complete);
  if (outcome.end == End::stored && outcome.whole) co_return co_await answer_final(handle);
  if (!complete) out.add("Location", upload_url(desk_, exchange_, *handle));
  if (outcome.end == End::stored)
    co_return co_await answer(exchange_, has_field(exchange_, "Upload-Complete") ? 204 : 202, std::move(out));
  if (outcome.end == End::whole_already) outcome.what = "it is whole already; GET tells its state and its cap";
  co_await answer_refusal(exchange_, outcome, std::move(out));
}

io::Task<void> PlainRequest::query(UploadHandlePtr handle) {
  if (handle == nullptr || handle->has_ended()) co_return co_await answer_gone(exchange_, handle, {});
  const Result<std::uint64_t> offset = co_await handles_.query(handle);
  if (!offset) co_return co_await answer_problem(exchange_, 503, "", offset.error().what, {});
  const auto prefix = co_await wanted_prefix(desk_, exchange_, handle);
  if (handle->has_ended()) co_return co_await answer_gone(exchange_, handle, {});
  http::Headers out = position(*handle, !handle->is_receiving());
  add_prefix(out, prefix, *handle);
  add_pending(out, *handle);
  add_state(out, desk_, exchange_, *handle);
  const bool json = http::list_has(single_field(exchange_, "Accept").value_or(""), "application/json");
  if (exchange_.request().method == "GET" && json)
    co_return co_await answer(exchange_, 200, std::move(out), state_json(desk_, *handle), "application/json");
  if (exchange_.request().method == "GET" && handle->result) {
    out.add("Location", file_url(desk_, exchange_, handle->result->cap));
    co_return co_await answer(exchange_, 307, std::move(out), handle->result->cap);
  }
  out.add("Location", upload_url(desk_, exchange_, *handle));
  co_await answer(exchange_, 204, std::move(out));
}

io::Task<void> PlainRequest::drop(UploadHandlePtr handle) {
  co_await answer_cancelled(desk_, exchange_, std::move(handle), {});
}

io::Task<void> PlainRequest::whole_file(http::BodyReader& body, std::optional<std::uint64_t> length,
                                        UploadAbout about) {
  UploadHandles::NewHandle wanted;
  wanted.length = length;
  wanted.about = std::move(about);
  const Result<void> claims = read_claims(exchange_, wanted.about);
  if (!claims) co_return co_await refuse_creation(claims.error());
  const Result<UploadHandlePtr> made = co_await handles_.create(std::move(wanted));
  if (!made) co_return co_await refuse_creation(made.error());
  AppendWish wish;
  wish.content_length = wish.length = length;
  wish.completes = true;
  read_content_digest(exchange_, wish);
  AppendOutcome outcome = co_await handles_.append(*made, std::move(wish), body);
  if (outcome.end != End::stored) {
    // Nobody knows the name of this upload: what came of it is of no use.
    co_await handles_.cancel(*made);
    if (outcome.end == End::broken || outcome.end == End::slow) co_return exchange_.abandon();
    co_return co_await answer_refusal(exchange_, outcome, {});
  }
  WaitingAnswer waiting(desk_, exchange_);
  waiting.for_ever = true;
  waiting.success = success_;
  co_await waiting.answer(*made, {});
}

}  // namespace

io::Task<void> plain_create(const UploadDesk& desk, WebRequest request) {
  PlainRequest plain(desk, request, 201);
  if (!has_body(request.exchange)) co_return co_await plain.create_empty();
  UploadAbout about;
  about.media_type = media_type_of_body(request.exchange);
  co_await plain.whole_file(request.exchange.body(), body_length(request.exchange), std::move(about));
}

io::Task<void> plain_request(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle) {
  PlainRequest plain(desk, request, 201);
  const std::string& method = request.exchange.request().method;
  if (method == "PUT") co_return co_await plain.put(std::move(handle), "");
  if (method == "DELETE") co_return co_await plain.drop(std::move(handle));
  co_await plain.query(std::move(handle));
}

io::Task<void> named_request(const UploadDesk& desk, WebRequest request, std::string_view key) {
  if (!is_key(key)) {
    co_return co_await answer_problem(
        request.exchange, 400, "",
        "resume= must be 22 to 128 letters and digits that nobody can guess, such as `openssl rand -hex 16` gives", {});
  }
  const std::string name = upload_name("key-", key);
  PlainRequest plain(desk, request, 200);
  UploadHandlePtr handle = desk.handles.find_by_name(name);
  if (handle != nullptr) co_await desk.handles.store().end_if_expired(handle->upload);
  const std::string& method = request.exchange.request().method;
  if (method == "PUT") co_return co_await plain.put(std::move(handle), name);
  if (method == "DELETE") co_return co_await plain.drop(std::move(handle));
  co_await plain.query(std::move(handle));
}

io::Task<void> put_file(const UploadDesk& desk, WebRequest request) {
  PlainRequest plain(desk, request, 200);
  UploadAbout about;
  about.media_type = media_type_of_body(request.exchange);
  co_await plain.whole_file(request.exchange.body(), body_length(request.exchange), std::move(about));
}

}  // namespace holdfast::gateway
