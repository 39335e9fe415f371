#include "holdfast/node/gateway/upload_pieces.h"

#include <algorithm>
#include <boost/json.hpp>

#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::gateway {
namespace {

constexpr std::uint64_t kDigestsMax = 4'096;

/// Null when pieces of this upload can be asked for; otherwise why not.
const char* why_not(const UploadHandlePtr& handle) {
  if (!handle->parts.empty()) return "its bytes are those of its parts";
  if (handle->upload->pins > 0) return "a concatenation needs its bytes as they are";
  return handle->upload->is_open() ? nullptr : "it is whole already";
}

}  // namespace

io::Task<void> tell_digests(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle) {
  if (handle == nullptr || handle->has_ended()) co_return co_await answer_gone(request.exchange, handle, {});
  if (const char* reason = why_not(handle)) co_return co_await answer_problem(request.exchange, 409, "", reason, {});
  const auto first = protocol::parse_decimal(request.target.argument("first").value_or("0"));
  const auto count = protocol::parse_decimal(request.target.argument("count").value_or(std::to_string(kDigestsMax)));
  if (!first || !count)
    co_return co_await answer_problem(request.exchange, 400, "", "first= and count= are numbers", {});
  const auto found = co_await desk.handles.store().digests(handle->upload, *first, std::min(*count, kDigestsMax));
  if (!found) {
    // Perhaps there is no more to be read than that.
    static_cast<void>(co_await desk.handles.query(handle));
    if (handle->has_ended()) co_return co_await answer_gone(request.exchange, handle, {});
    co_return co_await answer_problem(request.exchange, 503, "", desk.handles.told(found.error().what), {});
  }
  boost::json::object out{{"piece_bytes", resume::kPieceBytes}, {"offset", found->offset}, {"first", *first}};
  boost::json::array digests;
  for (const Hash& digest : found->pieces) digests.emplace_back(to_hex(digest.view()));
  out["digests"] = std::move(digests);
  co_await answer(request.exchange, 200, {}, boost::json::serialize(out) + "\n", "application/json");
}

io::Task<void> replace_piece(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle) {
  if (handle == nullptr || handle->has_ended()) co_return co_await answer_gone(request.exchange, handle, {});
  if (const char* reason = why_not(handle)) co_return co_await answer_problem(request.exchange, 409, "", reason, {});
  const auto piece = protocol::parse_decimal(request.target.argument("piece").value_or(""));
  if (!piece) co_return co_await answer_problem(request.exchange, 400, "", "piece= is a number", {});
  uploads::UploadStore& store = desk.handles.store();
  const auto turn = co_await store.take_turn(handle->upload, "");
  if (!turn) co_return co_await answer_problem(request.exchange, 503, "", turn.error().what, {});
  co_await desk.handles.fail_if_lost(handle);
  if (handle->has_ended()) co_return co_await answer_gone(request.exchange, handle, {});
  auto reading = http::read_all(request.exchange.body(), resume::kPieceBytes);
  Result<Bytes> body = co_await reading.in((*turn)->scope);
  if (!body && body.error().code != Errc::malformed) co_return request.exchange.abandon();
  if (!body) co_return co_await answer_problem(request.exchange, 413, "", "a piece has at most 1 MiB", {});
  // Once more: meanwhile a concatenation may have been made of it.
  if (const char* reason = why_not(handle)) co_return co_await answer_problem(request.exchange, 409, "", reason, {});
  const Result<void> replaced = co_await store.replace_piece(handle->upload, *piece, std::move(*body));
  http::Headers out;
  out.add("Upload-Offset", std::to_string(handle->offset()));
  if (replaced) co_return co_await answer(request.exchange, 204, std::move(out));
  const Errc code = replaced.error().code;
  const unsigned status = code == Errc::conflict ? 409 : code == Errc::no_space ? 507 : 503;
  co_await answer_problem(request.exchange, status, "", desk.handles.told(replaced.error().what), std::move(out));
}

}  // namespace holdfast::gateway
