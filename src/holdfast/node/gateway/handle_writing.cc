// Bytes of one request into one upload: who may send, from where, how long, and what is kept when it breaks off.
#include <algorithm>

#include "holdfast/edge/http/body_piece.h"
#include "holdfast/edge/io/piece_loan.h"
#include "holdfast/node/gateway/upload_handles.h"
#include "holdfast/node/uploads/offset_notices.h"

namespace holdfast::gateway {
namespace {

using End = AppendOutcome::End;

constexpr io::Duration kAppendEvery = std::chrono::milliseconds(250);

End end_of(const Error& error) {
  switch (error.code) {
    case Errc::malformed:
      return End::too_long;
    case Errc::not_found:
      return End::ended;
    case Errc::no_space:
      return End::no_space;
    case Errc::cancelled:
      return End::superseded;
    case Errc::unavailable:
    case Errc::timeout:
      return End::broken;
    default:
      return End::trouble;
  }
}

/// Its end never came: whether its checksum is right nobody can say yet.
bool broke_off(End end) {
  return end == End::broken || end == End::superseded || end == End::slow || end == End::no_space;
}

std::string what_happened(End end) {
  switch (end) {
    case End::too_long:
      return "the body is longer than the upload";
    case End::too_large:
      return "that is more than is taken here";
    case End::malformed:
      return "the body is not well-formed";
    case End::no_space:
      return "there is no room for more now; what came is kept";
    case End::superseded:
      return "a newer request has taken over; what came is kept";
    default:
      return "the body ended early; what came is kept";
  }
}

}  // namespace

/// A body on its way in.
struct UploadHandles::Body {
  http::BodyReader& reader;
  AppendWish wish;
  uploads::Turn& turn;
  std::uint64_t begin;  // offset of its first byte
  std::uint64_t at;     // and of the next one to store
  uploads::OffsetNotices notices;
  io::Time window_began;
  std::uint64_t window_bytes = 0;
};

/// Forgets all bytes, for another file of this length and these digests, as far as they are known. Only with the turn: before it
/// is had, somebody else may still bring bytes, and what there is to forget is not known.
io::Task<std::optional<AppendOutcome>> UploadHandles::restart(UploadHandlePtr handle, const AppendWish& wish) {
  if (handle->upload->pins > 0)
    co_return AppendOutcome{End::needed, false, "a concatenation needs the bytes of this upload"};
  UploadAbout about = handle->about;
  const bool promised = wish.keeps_promise && handle->upload->written == 0;
  if (!promised || wish.replaces->sha256) about.sha256 = wish.replaces->sha256;
  if (!promised || !wish.replaces->sha512.empty()) about.sha512 = wish.replaces->sha512;
  const Result<void> emptied = co_await store_.restart(handle->upload, wish.length, encode(about));
  if (!emptied) {
    const bool too_large = emptied.error().code == Errc::unsupported;
    co_return AppendOutcome{too_large ? End::too_large : end_of(emptied.error()), false, emptied.error().what};
  }
  handle->about = std::move(about);
  co_return std::nullopt;
}

/// Everything that can be said before the body is read; nothing: it may come.
io::Task<std::optional<AppendOutcome>> UploadHandles::admit(UploadHandlePtr handle, const AppendWish& wish) {
  const uploads::UploadPtr& upload = handle->upload;
  const std::uint64_t at = upload->log.durable;
  if (wish.offset.value_or(at) != at) {
    ++counters_.mismatches;
    co_return AppendOutcome{End::offset_mismatch, false, "the next offset is " + std::to_string(at)};
  }
  // Who goes on from here sends again what has not been proven.
  const Result<void> dropped = co_await store_.settle(upload, false);
  if (!dropped) co_return AppendOutcome{end_of(dropped.error()), false, dropped.error().what};
  std::optional<std::uint64_t> length = wish.length;
  if (wish.completes && wish.content_length) {
    const std::uint64_t by_body = at + *wish.content_length;
    if (length.value_or(by_body) != by_body || upload->log.length.value_or(by_body) != by_body)
      co_return AppendOutcome{End::length_mismatch, false, "that body does not end where the upload does"};
    length = by_body;
  }
  if (length && upload->log.length.value_or(*length) != *length)
    co_return AppendOutcome{End::length_mismatch, false, "the upload has another length"};
  if (length && *length < at) co_return AppendOutcome{End::length_mismatch, false, "more than that is here already"};
  const std::uint64_t most = length.value_or(upload->log.length.value_or(store_.options().upload_bytes_max));
  if (most > store_.options().upload_bytes_max)
    co_return AppendOutcome{End::too_large, false, what_happened(End::too_large)};
  const bool known = length || upload->log.length;
  if (wish.content_length.value_or(0) > most - at) {
    const End end = known ? End::too_long : End::too_large;
    co_return AppendOutcome{end, false, what_happened(end)};
  }
  if (length && !upload->log.length) {
    const Result<void> fixed = co_await store_.set_length(upload, *length);
    if (!fixed) co_return AppendOutcome{End::trouble, false, fixed.error().what};
  }
  co_return std::nullopt;
}

io::Task<AppendOutcome> UploadHandles::append_in_turn(UploadHandlePtr handle, AppendWish wish,
                                                      http::BodyReader& reader) {
  if (!handle->about.parts.empty()) co_return AppendOutcome{End::is_final, false, "its bytes are those of its parts"};
  if (handle->has_ended()) co_return AppendOutcome{End::ended, false, "the upload has ended"};
  if (!handle->is_receiving()) co_return AppendOutcome{End::whole_already, true, "the upload is whole"};
  const auto turn = co_await store_.take_turn(handle->upload, "");
  if (!turn)
    co_return AppendOutcome{end_of(turn.error()) == End::ended ? End::ended : End::superseded, false,
                            turn.error().what};
  const Result<void> ready = co_await store_.sync(handle->upload);
  if (!ready) co_return AppendOutcome{end_of(ready.error()), false, ready.error().what};
  co_await fail_if_lost(handle);
  if (handle->has_ended()) co_return AppendOutcome{End::ended, false, "the upload has ended"};
  if (!handle->is_receiving()) co_return AppendOutcome{End::whole_already, true, "the upload is whole"};
  std::optional<AppendOutcome> refusal;
  if (wish.replaces) refusal = co_await restart(handle, wish);
  if (!refusal) refusal = co_await admit(handle, wish);
  if (refusal) co_return *refusal;
  const io::Time now = context_.loop.now();
  const std::uint64_t begin = handle->upload->written;
  Body body{reader, std::move(wish), **turn, begin, begin, uploads::OffsetNotices(begin, now), now};
  if (body.wish.checksum != nullptr) store_.hold_back(*handle->upload);
  store_.begin_body(*handle->upload);
  const End end = co_await receive(handle, body);
  handle->upload->body_broke_off = broke_off(end);
  co_return co_await conclude(handle, body, end);
}

/// One piece is read while the one before is written.
io::Task<End> UploadHandles::receive(UploadHandlePtr handle, Body& body) {
  const uploads::UploadPtr& upload = handle->upload;
  Result<void> written;
  Result<bool> ended = false;
  using Loan = std::unique_ptr<io::PieceLoan>;
  const auto write = [](UploadHandles& self, uploads::UploadPtr into, Buffer piece, Loan loan, Body& the_body,
                        Result<void>& out) -> io::Task<void> {
    if (the_body.wish.checksum != nullptr) {
      auto sum = [&] { the_body.wish.checksum->update(piece); };
      co_await self.context_.cpu.run(sum);
    }
    const std::uint64_t count = piece.size();
    out = co_await self.store_.append(into, the_body.at, std::move(piece));
    if (out) the_body.at += count;
    loan.reset();  // not before: the bytes were held until now
  };
  const std::function<void()> heard = [this, &upload] { store_.hear(*upload); };
  io::TaskGroup writing(co_await io::this_scope());
  while (written && ended && !*ended) {
    auto loan = std::make_unique<io::PieceLoan>(counters_.piece_bytes_lent, io::PieceLoan::kLargeBytes);
    Buffer piece(loan->bytes());
    ended = co_await http::read_piece(body.reader, body.turn.scope, kAppendEvery, piece, heard);
    body.window_bytes += piece.size();
    co_await writing.join();
    const bool more = written && !piece.empty();
    if (more) writing.spawn(write(*this, upload, std::move(piece), std::move(loan), body, written));
    if (body.turn.scope.cancelled()) break;
    const io::Time now = context_.loop.now();
    if (now - body.window_began >= options_.slow_window) {
      if (body.window_bytes < options_.slow_bytes) {
        co_await writing.join();
        ++counters_.slow_senders;
        co_return End::slow;
      }
      body.window_began = now;
      body.window_bytes = 0;
    }
    if (!body.wish.progress || !body.notices.due(upload->log.durable, now)) continue;
    // A client that does not hear it must not keep a newer request waiting.
    auto telling = body.wish.progress(upload->log.durable);
    co_await telling.in(body.turn.scope);
  }
  co_await writing.join();
  if (!written) co_return end_of(written.error());
  if (body.turn.scope.cancelled()) co_return upload->has_ended() ? End::ended : End::superseded;
  if (!ended) co_return ended.error().code == Errc::malformed ? End::malformed : end_of(ended.error());
  co_return End::stored;
}

io::Task<AppendOutcome> UploadHandles::conclude(UploadHandlePtr handle, Body& body, End end) {
  const uploads::UploadPtr& upload = handle->upload;
  if (end == End::too_long && !upload->log.length) end = End::too_large;
  if (end == End::superseded) ++counters_.superseded;
  if (end == End::broken) ++counters_.broken_bodies;
  if (end == End::ended) co_return AppendOutcome{end, false, "the upload has ended"};
  if (body.wish.checksum != nullptr && broke_off(end)) co_return AppendOutcome{end, false, what_happened(end)};
  if (body.wish.checksum != nullptr) {
    const std::optional<Bytes> expected =
        end == End::stored && body.wish.expected ? body.wish.expected() : std::nullopt;
    const bool right = end == End::stored && expected == body.wish.checksum->finish();
    const Result<void> settled = co_await store_.settle(upload, right);
    if (!settled) co_return AppendOutcome{end_of(settled.error()), false, settled.error().what};
    if (end == End::stored && !right)
      co_return AppendOutcome{End::wrong_checksum, false, "the checksum is not that of the bytes that came"};
  } else if (end == End::too_long || end == End::too_large) {
    // Only a body that did not say how long it is comes here: none of it is believed. What has been acknowledged meanwhile
    // cannot be taken back; such an upload is over.
    if (body.wish.progress) {
      co_await fail_handle(handle, "more bytes came than it has");
      co_return AppendOutcome{end, false, "the body is longer than the upload, which has ended with that"};
    }
    const Result<void> back = co_await store_.rewind(upload, body.begin);
    if (!back) co_return AppendOutcome{end_of(back.error()), false, back.error().what};
    body.at = body.begin;
  }
  const Result<void> synced = co_await store_.sync(upload, body.at);
  if (handle->about.partial) hear_concatenations(handle);
  if (!synced) co_return AppendOutcome{end_of(synced.error()), false, synced.error().what};
  if (end != End::stored) co_return AppendOutcome{end, false, what_happened(end)};
  if (body.wish.completes) {
    Result<void> fixed;
    if (!upload->log.length) fixed = co_await store_.set_length(upload, body.at);
    if (!fixed) co_return AppendOutcome{End::trouble, false, fixed.error().what};
    if (upload->log.length != upload->log.durable)
      co_return AppendOutcome{End::length_mismatch, false, "the upload has another length than was sent"};
  } else if (!body.wish.completes_at_length || upload->log.length != upload->log.durable) {
    co_return AppendOutcome{End::stored, false, ""};
  }
  const Result<void> finished = co_await finish(handle);
  if (!finished) {
    const bool wrong = finished.error().code == Errc::corrupt;
    co_return AppendOutcome{wrong ? End::wrong_digest : end_of(finished.error()), false, finished.error().what};
  }
  co_return AppendOutcome{End::stored, true, ""};
}

io::Task<AppendOutcome> UploadHandles::append(UploadHandlePtr handle, AppendWish wish, http::BodyReader& reader) {
  AppendOutcome outcome = co_await append_in_turn(std::move(handle), std::move(wish), reader);
  outcome.what = told(std::move(outcome.what));
  co_return outcome;
}

}  // namespace holdfast::gateway
