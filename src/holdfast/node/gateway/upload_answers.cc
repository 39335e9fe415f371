#include "holdfast/node/gateway/upload_answers.h"

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/core/protocol/digest_fields.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/core/protocol/utf8.h"

namespace holdfast::gateway {
namespace {

using State = UploadHandle::State;

constexpr std::string_view kProblemTypes = "https://iana.org/assignments/http-problem-types#";

std::string base_url(const UploadDesk& desk, const http::Exchange& exchange) {
  if (!desk.public_url.empty()) return desk.public_url;
  return (desk.tls ? "https://" : "http://") +
         std::string(exchange.request().headers.find("Host").value_or("localhost")) + "/";
}

/// JSON is UTF-8; what is not cannot be told.
std::string_view text_or_nothing(std::string_view text) {
  return protocol::is_utf8(text) ? text : std::string_view();
}

std::int64_t seconds_until(const UploadDesk& desk, io::Time when) {
  return std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::seconds>(when - desk.handles.loop().now()).count());
}

}  // namespace

std::string upload_url(const UploadDesk& desk, const http::Exchange& exchange, const UploadHandle& handle) {
  return base_url(desk, exchange) + "uploads/" + desk.handles.token_of(handle);
}

std::string file_url(const UploadDesk& desk, const http::Exchange& exchange, const std::string& cap) {
  return base_url(desk, exchange) + "uri/" + protocol::percent_encode(cap);
}

std::string status_url(const UploadDesk& desk, const http::Exchange& exchange, const UploadHandle& handle) {
  return upload_url(desk, exchange, handle) + "?t=status";
}

std::optional<std::string_view> single_field(const http::Exchange& exchange, std::string_view name) {
  const auto all = exchange.request().headers.find_all(name);
  return all.size() == 1 ? std::optional(all.front()) : std::nullopt;
}

bool has_field(const http::Exchange& exchange, std::string_view name) {
  return exchange.request().headers.find(name).has_value();
}

std::string media_type_of_body(const http::Exchange& exchange) {
  std::string_view field = single_field(exchange, "Content-Type").value_or("");
  std::string out(protocol::trim(protocol::take_until(field, ';')));
  std::ranges::transform(out, out.begin(), protocol::lower_case);
  return out;
}

std::optional<std::uint64_t> body_length(const http::Exchange& exchange) {
  if (exchange.request().chunked) return std::nullopt;
  return exchange.request().content_length.value_or(0);
}

bool has_body(const http::Exchange& exchange) {
  return exchange.request().chunked || exchange.request().content_length.value_or(0) > 0;
}

io::Task<void> answer(http::Exchange& exchange, unsigned status, http::Headers headers, std::string body,
                      std::string type) {
  http::ResponseHead head;
  head.status = status;
  head.headers = std::move(headers);
  head.headers.add("Cache-Control", "no-store");
  if (!body.empty()) head.headers.add("Content-Type", std::move(type));
  add_standard_headers(head.headers);
  static_cast<void>(co_await exchange.respond(std::move(head), view_of(body)));
}

io::Task<void> answer_problem(http::Exchange& exchange, unsigned status, std::string_view type, std::string_view title,
                              http::Headers headers) {
  const bool may_try_again = status == 429 || status == 503 || status == 507;
  if (may_try_again && !headers.find("Retry-After")) headers.add("Retry-After", status == 503 ? "1" : "10");
  if (status == 503) headers.add("Connection", "close");  // superseded or stopping: its bytes lead nowhere
  boost::json::object body;
  body["type"] = type.empty() ? "about:blank" : std::string(kProblemTypes) + std::string(type);
  body["status"] = status;
  body["title"] = text_or_nothing(title);
  return answer(exchange, status, std::move(headers), boost::json::serialize(body) + "\n", "application/problem+json");
}

io::Task<void> answer_gone(http::Exchange& exchange, UploadHandlePtr handle, http::Headers headers) {
  if (handle == nullptr) return answer_problem(exchange, 404, "", "there is no such upload", std::move(headers));
  const std::string& reason = handle->upload->log.reason;
  return answer_problem(exchange, 410, "", "the upload has ended" + (reason.empty() ? "" : ": " + reason),
                        std::move(headers));
}

io::Task<void> answer_cancelled(const UploadDesk& desk, http::Exchange& exchange, UploadHandlePtr handle,
                                http::Headers headers) {
  const bool over = handle == nullptr || (handle->has_ended() && !handle->upload->end_is_owed);
  if (over) co_return co_await answer_gone(exchange, std::move(handle), std::move(headers));
  const bool lasts = co_await desk.handles.cancel(std::move(handle));
  if (lasts) co_return co_await answer(exchange, 204, std::move(headers));
  co_await answer_problem(exchange, 500, "",
                          "it has ended, but the disk did not take that: a restart may bring it back; ask again",
                          std::move(headers));
}

std::string state_json(const UploadDesk& desk, const UploadHandle& handle) {
  const transfer::Progress& progress = handle.progress;
  const uploads::Upload& upload = *handle.upload;
  boost::json::object out;
  out["state"] = handle.told_state();
  out["offset"] = handle.offset();
  out["length"] = nullptr;
  if (const auto length = handle.length()) out["length"] = *length;
  out["name"] = text_or_nothing(handle.about.name);
  out["type"] = text_or_nothing(handle.about.media_type);
  out["shares_stored"] = handle.state == State::committed ? desk.handles.options().shape.n : progress.shares_placed;
  out["shares_total"] = desk.handles.options().shape.n;
  out["happy"] = desk.handles.options().shape.happy;
  out["servers_answering"] = progress.servers_answering;
  out["servers_known"] = progress.servers_known;
  out["pushed_bytes"] = progress.done_bytes;
  out["push_bytes_total"] = progress.total_bytes;
  out["note"] = text_or_nothing(handle.state == State::waiting ? handle.note : progress.note);
  if (handle.state == State::waiting) out["retry_in"] = seconds_until(desk, handle.retry_at);
  if (handle.result) out["cap"] = handle.result->cap;
  const auto digest = handle.result ? std::optional(handle.result->sha256) : upload.log.seal;
  if (digest) out["sha256"] = to_hex(digest->view());
  if (handle.state == State::failed) out["error"] = text_or_nothing(handle.note);
  out["expires_in"] = desk.handles.store().expires_in(upload);
  return boost::json::serialize(out) + "\n";
}

io::Task<std::optional<UploadHandles::Prefix>> wanted_prefix(const UploadDesk& desk, const http::Exchange& exchange,
                                                             UploadHandlePtr handle) {
  const bool wanted = protocol::wants_sha256(single_field(exchange, "Want-Repr-Digest").value_or(""));
  if (!wanted || !handle->is_receiving() || !handle->parts.empty()) co_return std::nullopt;
  Result<UploadHandles::Prefix> prefix = co_await desk.handles.prefix_of(handle);
  if (!prefix) co_return std::nullopt;
  co_return *prefix;
}

void add_prefix(http::Headers& headers, const std::optional<UploadHandles::Prefix>& prefix,
                const UploadHandle& handle) {
  if (!prefix || !handle.is_receiving() || prefix->bytes != handle.offset()) return;
  headers.add("Repr-Digest", protocol::format_digest_field(prefix->sha256.view()));
}

void add_state(http::Headers& headers, const UploadDesk& desk, const http::Exchange& exchange,
               const UploadHandle& handle) {
  const bool on_its_way = handle.state == State::committing || handle.state == State::waiting;
  if (handle.state == State::receiving || handle.state == State::failed) return;
  headers.add("Holdfast-Upload-State", on_its_way ? "committing" : "committed");
  headers.add("Content-Location", status_url(desk, exchange, handle));
  if (handle.upload->log.seal)
    headers.add("Repr-Digest", protocol::format_digest_field(handle.upload->log.seal->view()));
}

}  // namespace holdfast::gateway
