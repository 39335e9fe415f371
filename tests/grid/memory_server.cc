#include "grid/memory_server.h"

#include <algorithm>

#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::test {
namespace {

constexpr io::Duration kLatency = std::chrono::milliseconds(1);
constexpr io::Duration kSilence = std::chrono::seconds(15);

Answer saying(Kind kind, std::string field, Bytes body) {
  Answer out;
  out.kind = kind;
  out.field = std::move(field);
  out.body = std::move(body);
  return out;
}

}  // namespace

protocol::ShareSet MemoryServer::complete() const {
  protocol::ShareSet out;
  for (const auto& [share, bytes] : shares) out.insert(share);
  return out;
}

/// Its end, or that of its client's patience.
io::Task<Result<void>> MemoryServer::bear_standstill() {
  if (!is_still()) co_return Result<void>{};
  const bool slept = co_await io::sleep_for(std::min<io::Duration>(kSilence, still_until - loop_.now()));
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  if (is_still()) co_return fail(Errc::timeout, "no answer in time");
  co_return Result<void>{};
}

io::Task<Result<Answer>> MemoryServer::answer(Answer said) {
  // Whoever needs so many is going round in circles.
  if (++calls > calls_max) co_return fail(Errc::unauthorized, "asked too often");
  ++traffic_.requests;
  HF_CO_TRY_VOID(co_await bear_standstill());
  const bool slept = co_await io::sleep_for(kLatency);
  if (!slept) co_return fail(Errc::cancelled, "stopped");
  if (tamper) tamper(said);
  co_return said;
}

io::Task<Result<grid::VersionAnswer>> MemoryServer::version() {
  protocol::ServerVersion said;
  said.maximum_immutable_share_size = said.available_space = 1'000'000'000;
  said.maximum_mutable_share_size = 69'105;
  said.application_version = "memory/1";
  Answer whole = saying(Kind::version, "1; retention=604800; idle=1800", encode(said));
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  HF_CO_TRY(protocol::ServerVersion version, protocol::decode_server_version(heard.body));
  grid::VersionAnswer out;
  out.version = std::move(version);
  const auto resume = protocol::parse_resume_field(heard.field);
  out.resumes = resume && resume->version >= 1;
  co_return out;
}

io::Task<Result<std::vector<ShareNumber>>> MemoryServer::list_shares(const StorageIndex& si) {
  if (asked) asked(si);
  Answer whole = saying(Kind::list, "", protocol::encode_share_set(complete()));
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  HF_CO_TRY(const protocol::ShareSet set, protocol::decode_share_set(heard.body));
  co_return std::vector<ShareNumber>(set.begin(), set.end());
}

io::Task<Result<protocol::AllocateReply>> MemoryServer::allocate(const StorageIndex& si,
                                                                 protocol::AllocateRequest request,
                                                                 const grid::AllocateSecrets&) {
  if (asked) asked(si);
  HF_CO_TRY_VOID(co_await bear_standstill());
  protocol::AllocateReply reply;
  protocol::ResumeField field;
  field.version = 1;
  reply.already_have = complete();
  allocated.insert(si);
  for (ShareNumber share : request.share_numbers) {
    if (shares.contains(share)) continue;
    reply.allocated.insert(share);
    const bool fresh = !uploads.contains(share);
    if (fresh) uploads[share] = {Bytes(request.allocated_size), RangeSet{{0, request.allocated_size}}};
    if (!fresh) field.matched.insert(share);
  }
  Answer whole = saying(Kind::allocate, format_resume_field(field), encode(reply));
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  HF_CO_TRY(protocol::AllocateReply out, protocol::decode_allocate_reply(heard.body));
  const auto resume = protocol::parse_resume_field(heard.field);
  if (resume) out.matched = resume->matched;
  co_return out;
}

Result<grid::WriteAnswer> MemoryServer::store(ShareNumber share, std::uint64_t offset, ByteView body) {
  const Range range{offset, offset + body.size()};
  const auto it = uploads.find(share);
  if (it == uploads.end() || range.end > it->second.content.size()) return fail(Errc::not_found, "no such upload");
  Upload& upload = it->second;
  for (const Range& held : upload.missing.gaps(range).ranges()) {
    const ByteView theirs = body.subspan(held.begin - offset, held.size());
    if (!equal(theirs, ByteView(upload.content).subspan(held.begin, held.size())))
      return fail(Errc::conflict, "other bytes are held");
  }
  std::ranges::copy(body, upload.content.begin() + static_cast<std::ptrdiff_t>(offset));
  upload.missing.subtract(range);
  grid::WriteAnswer out;
  out.required = upload.missing;
  out.complete = out.required.empty();
  if (!out.complete) return out;
  if (keeps) shares[share] = std::move(upload.content);
  uploads.erase(it);
  return out;
}

io::Task<Result<grid::WriteAnswer>> MemoryServer::write(const StorageIndex&, ShareNumber share, std::uint64_t offset,
                                                        grid::ByteSource& source, const Secret&) {
  Bytes body;
  while (body.size() < source.length()) {
    HF_CO_TRY(const ByteView piece, co_await source.next());
    if (a_piece_takes > io::Duration{0}) {
      const bool slept = co_await io::sleep_for(a_piece_takes);
      if (!slept) co_return fail(Errc::cancelled, "stopped");
    }
    if (is_still()) {  // what came before is kept
      HF_CO_TRY(const grid::WriteAnswer kept, store(share, offset, body));
      static_cast<void>(kept);
      const bool waited = co_await io::sleep_for(kSilence);
      co_return fail(waited ? Errc::timeout : Errc::cancelled, "no answer in time");
    }
    append(body, piece);
  }
  if (swallows) {
    ++calls;
    const bool slept = co_await io::sleep_for(kSilence);
    co_return fail(slept ? Errc::timeout : Errc::cancelled, "no answer in time");
  }
  HF_CO_TRY(const grid::WriteAnswer done, store(share, offset, body));
  protocol::WriteReply reply;
  reply.required = done.required;
  Answer whole = saying(Kind::write, done.complete ? "201" : "200", encode(reply));
  whole.share = share;
  whole.range = {offset, offset + body.size()};
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  if (!heard.field.starts_with("2")) co_return fail(Errc::unavailable, "answered " + heard.field);
  HF_CO_TRY(protocol::WriteReply said, protocol::decode_write_reply(heard.body));
  grid::WriteAnswer out;
  out.complete = heard.field == "201";
  out.required = std::move(said.required);
  co_return out;
}

io::Task<Result<void>> MemoryServer::abort(const StorageIndex&, ShareNumber share, const Secret&) {
  ++calls;
  if (uploads.erase(share) == 0) co_return fail(Errc::not_found, "no such upload");
  co_return Result<void>{};
}

io::Task<Result<protocol::UploadStatus>> MemoryServer::status(const StorageIndex&, const Secret&) {
  protocol::UploadStatus said;
  said.complete = complete();
  for (const auto& [share, upload] : uploads) {
    protocol::UploadStatus::Partial& partial = said.incomplete[share];
    partial.allocated_size = upload.content.size();
    partial.required = upload.missing;
    partial.idle_seconds = 100;
    partial.expires_in_seconds = 604'700;
  }
  Answer whole = saying(Kind::status, "", encode(said));
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  co_return protocol::decode_upload_status(heard.body);
}

io::Task<Result<Bytes>> MemoryServer::read(const StorageIndex& si, ShareNumber share, Range range) {
  grid::Arriving out;
  HF_CO_TRY_VOID(co_await read_onto(si, share, range, out));
  co_return to_bytes(ByteView(out.buffer).first(out.arrived));
}

io::Task<Result<void>> MemoryServer::read_onto(const StorageIndex&, ShareNumber share, Range range,
                                               grid::Arriving& out) {
  const auto it = shares.find(share);
  const std::uint64_t size = it == shares.end() ? 0 : it->second.size();
  const std::uint64_t end = std::min(range.end, size);
  Answer whole = saying(Kind::read, "", {});
  whole.share = share;
  whole.range = range;
  if (range.begin < end) {
    whole.field = protocol::format_content_range({range.begin, end});
    whole.body = to_bytes(ByteView(it->second).subspan(range.begin, end - range.begin));
  }
  HF_CO_TRY(const Answer heard, co_await answer(std::move(whole)));
  if (cut && cut(range)) co_return fail(Errc::unavailable, "the connection was cut");
  if (heard.field.empty() && it == shares.end()) co_return fail(Errc::not_found, "no such share");
  if (heard.field.empty()) co_return Result<void>{};
  const auto told = protocol::parse_content_range(heard.field);
  if (!told || told->range.begin != range.begin || told->range.end > range.end)
    co_return fail(Errc::malformed, "answered a read with something else");
  const std::size_t promised = told->range.size(), given = std::min(promised, heard.body.size());
  out.buffer.resize(out.arrived + given);
  const io::Duration each = pace ? pace(range) : a_byte_takes;
  const std::size_t arrived_before = out.arrived;
  for (std::uint8_t byte : ByteView(heard.body).first(given)) {
    if (cut_after && out.arrived - arrived_before == *cut_after)
      co_return fail(Errc::unavailable, "the connection was cut");
    if (each > io::Duration{0}) {
      const bool slept = co_await io::sleep_for(each);
      if (!slept) co_return fail(Errc::cancelled, "stopped");
    }
    out.buffer[out.arrived++] = byte;
    ++traffic_.body_bytes_received;
  }
  if (heard.body.size() > promised) co_return fail(Errc::malformed, "more bytes than it said");
  if (given < promised) co_return fail(Errc::malformed, "fewer bytes than it said");
  co_return Result<void>{};
}

io::Task<Result<void>> MemoryServer::add_lease(const StorageIndex&, const Secret&, const Secret&) {
  if (!takes_leases) co_return fail(Errc::io, "no lease today");
  ++leases;
  co_return Result<void>{};
}

io::Task<Result<void>> MemoryServer::advise_corrupt(const StorageIndex&, ShareNumber, std::string) {
  ++advised;
  co_return Result<void>{};
}

}  // namespace holdfast::test
