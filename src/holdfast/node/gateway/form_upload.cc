// POST /uri: the file is in a form of a browser or of a script, as Tahoe-LAFS takes it.
#include <algorithm>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/edge/http/text.h"
#include "holdfast/node/gateway/form_file.h"
#include "holdfast/node/gateway/plain_dialect.h"
#include "holdfast/node/gateway/refusals.h"
#include "holdfast/node/gateway/waiting_answer.h"

namespace holdfast::gateway {
namespace {

using End = AppendOutcome::End;

/// Only to ourselves: anything else would make this gateway a redirector for others. Browsers pass over control characters.
bool is_local_target(std::string_view target) {
  const auto fits = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '\\'; };
  return target.starts_with('/') && !target.starts_with("//") && std::ranges::all_of(target, fits);
}

io::Task<void> answer_form(WebRequest request, std::string cap) {
  const std::string when_done(request.target.argument("when_done").value_or(""));
  if (!when_done.empty()) {
    constexpr std::string_view kPlace = "%(uri)s";
    std::string location = when_done;
    if (const std::size_t at = location.find(kPlace); at != std::string::npos)
      location.replace(at, kPlace.size(), protocol::percent_encode(cap));
    http::Headers out;
    out.add("Location", location);
    co_return co_await answer(request.exchange, 302, std::move(out), cap);
  }
  const std::string_view accept = single_field(request.exchange, "Accept").value_or("");
  const bool page = accept.find("text/html") != std::string_view::npos && request.target.argument("output") != "json";
  if (!page) co_return co_await answer(request.exchange, 200, {}, cap);
  co_await answer(
      request.exchange, 200, {},
      "<!DOCTYPE html><html lang=\"en\"><title>Stored</title><p>The file is stored. Who has this cap can read it:"
      "<p><code>" +
          cap + "</code><p><a href=\"/uri/" + protocol::percent_encode(cap) + "\">open</a></html>\n",
      "text/html;charset=utf-8");
}

}  // namespace

io::Task<void> post_form(const UploadDesk& desk, WebRequest request) {
  const std::string_view when_done = request.target.argument("when_done").value_or("");
  if (!when_done.empty() && !is_local_target(when_done))
    co_return co_await answer_problem(request.exchange, 400, "", "when_done= must be a path of this gateway", {});
  const Result<std::string> boundary =
      protocol::multipart_boundary(single_field(request.exchange, "Content-Type").value_or(""));
  if (!boundary) co_return co_await answer_problem(request.exchange, 400, "", boundary.error().what, {});
  FormFile file(request.exchange.body(), *boundary);
  const Result<void> found = co_await file.find();
  if (!found && found.error().code != Errc::malformed) co_return request.exchange.abandon();
  if (!found) co_return co_await answer_problem(request.exchange, 400, "", found.error().what, {});
  UploadHandles::NewHandle wanted;
  wanted.about.name = file.file_name();
  wanted.about.media_type = file.media_type();
  const Result<UploadHandlePtr> made = co_await desk.handles.create(std::move(wanted));
  if (!made) {
    co_return co_await answer_problem(request.exchange, status_of_creation(made.error().code), "", made.error().what,
                                      {});
  }
  AppendWish wish;
  wish.completes = true;
  const AppendOutcome outcome = co_await desk.handles.append(*made, std::move(wish), file);
  if (outcome.end != End::stored) {
    co_await desk.handles.cancel(*made);
    if (outcome.end == End::broken || outcome.end == End::slow) co_return request.exchange.abandon();
    co_return co_await answer_refusal(request.exchange, outcome, {});
  }
  WaitingAnswer waiting(desk, request.exchange);
  waiting.for_ever = true;
  waiting.stored = [request](std::string cap) { return answer_form(request, std::move(cap)); };
  co_await waiting.answer(*made, {});
}

}  // namespace holdfast::gateway
