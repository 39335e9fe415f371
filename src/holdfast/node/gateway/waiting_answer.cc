#include "holdfast/node/gateway/waiting_answer.h"

#include <algorithm>

#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::gateway {
namespace {

using State = UploadHandle::State;

constexpr std::uint64_t kWaitSecondsMax = 300;
constexpr io::Duration kMeanwhileEvery = std::chrono::seconds(10);
constexpr io::Duration kLookEvery = std::chrono::seconds(1);
constexpr io::Duration kForEver = std::chrono::hours(24 * 365);  // until the client leaves

}  // namespace

/// How long its sender wants to wait; nothing: it did not say.
std::optional<io::Duration> WaitingAnswer::preference() const {
  std::string_view prefer = single_field(exchange_, "Prefer").value_or("");
  while (!prefer.empty()) {
    std::string_view each = protocol::trim(protocol::take_until(prefer, ','));
    if (each == "respond-async") return io::Duration::zero();
    if (!each.starts_with("wait=")) continue;
    if (const auto seconds = protocol::parse_decimal(each.substr(5)))
      return std::chrono::seconds(std::min(*seconds, kWaitSecondsMax));
  }
  return std::nullopt;
}

/// As long as the client is there.
io::Task<void> WaitingAnswer::wait(UploadHandlePtr handle) {
  io::Loop& loop = desk_.handles.loop();
  const io::CancelScope& scope = co_await io::this_scope();
  const io::Time deadline = loop.now() + preference().value_or(for_ever ? kForEver : desk_.commit_wait);
  io::Time next = loop.now() + kMeanwhileEvery;
  while (loop.now() < deadline && !scope.cancelled()) {
    const io::Duration step = std::min<io::Duration>(kLookEvery, deadline - loop.now());
    co_await desk_.handles.wait_for_result(handle, step, for_ever);
    const bool working = handle->state == State::committing || (handle->state == State::waiting && !for_ever);
    if (!working || handle->has_ended() || exchange_.client_finished()) co_return;
    if (!meanwhile || loop.now() < next) continue;
    next += kMeanwhileEvery;
    co_await meanwhile();
  }
}

io::Task<void> WaitingAnswer::answer(UploadHandlePtr handle, http::Headers headers) {
  co_await wait(handle);
  if (handle->result && stored) co_return co_await stored(handle->result->cap);
  if (handle->result) {
    add_state(headers, desk_, exchange_, *handle);
    if (success == 201) headers.add("Location", file_url(desk_, exchange_, handle->result->cap));
    co_return co_await gateway::answer(exchange_, success, std::move(headers), handle->result->cap);
  }
  if (handle->has_ended()) co_return co_await answer_gone(exchange_, handle, std::move(headers));
  add_state(headers, desk_, exchange_, *handle);
  const bool trouble = handle->state == State::waiting;
  if (for_ever && (trouble || !preference())) {
    const std::string why = trouble ? "; it is tried again: " + handle->note : "";
    co_return co_await answer_problem(exchange_, 503, "", "it is here and safe, but not in the grid yet" + why,
                                      std::move(headers));
  }
  headers.add("Retry-After", "2");
  co_await gateway::answer(exchange_, 202, std::move(headers), state_json(desk_, *handle), "application/json");
}

}  // namespace holdfast::gateway
