#include "sim/sim_storage_server.h"

#include <algorithm>

#include "holdfast/core/crypto/sha256.h"

namespace holdfast::sim {
namespace {

using storage::ShareStore;
constexpr std::size_t kPacketBytes = 16 * 1024;
constexpr std::uint64_t kPiecesMax = 1024;  // of a body; a disk that wrote a large one byte by byte would take hours

/// What is left of a server's failure after it has become a status of HTTP.
Error over_http(Error error) {
  switch (error.code) {
    case Errc::malformed:
    case Errc::unauthorized:
    case Errc::not_found:
    case Errc::unsupported:
    case Errc::conflict:
    case Errc::no_space:
      break;
    default:
      error.code = Errc::unavailable;
  }
  return error;
}

template <class T>
io::Task<void> answer(Machine* machine, io::Task<Result<T>> work, std::shared_ptr<Reply<T>> reply) {
  Result<T> result = co_await std::move(work);
  // Power that is gone answers nothing; a process that is gone, with the end of the connection.
  if (!machine->powered()) co_return;
  if (!machine->up())
    result = fail(Errc::unavailable, "connection reset");
  else if (!result)
    result = tl::make_unexpected(over_http(result.error()));
  reply->give(std::move(result));
}

template <class T>
io::Task<void> once_more(Machine* machine, std::function<io::Task<Result<T>>(ShareStore&)> work,
                         std::uint64_t after_ms) {
  const bool slept = co_await io::sleep_for(std::chrono::milliseconds(after_ms));
  if (slept) static_cast<void>(co_await work(machine->store()));
}

/// As the routes do it: what arrived before a cut counts.
io::Task<Result<grid::WriteAnswer>> store_body(ShareStore* store, StorageIndex si, ShareNumber share, Secret secret,
                                               Range range, std::shared_ptr<Body> body, std::size_t piece_bytes) {
  HF_CO_TRY(const auto writer, store->begin_write(si, share, secret, range, std::nullopt));
  std::uint64_t received = 0;
  Result<void> stored;
  while (stored) {
    Result<Bytes> piece = co_await body->take(piece_bytes);
    if (!piece) stored = tl::make_unexpected(piece.error());
    if (!piece || piece->empty()) break;
    received += piece->size();
    if (received > range.size()) co_return fail(Errc::malformed, "the body is longer than its range");
    Buffer bytes = to_buffer(*piece);
    stored = co_await writer->append(std::move(bytes));
  }
  Result<ShareStore::Writer::Outcome> outcome = co_await writer->finish();
  if (!stored) co_return tl::make_unexpected(stored.error());
  if (received != range.size()) co_return fail(Errc::malformed, "the body does not have the length of its range");
  if (!outcome) co_return tl::make_unexpected(outcome.error());
  grid::WriteAnswer out{outcome->complete, std::move(outcome->required)};
  co_return out;
}

io::Task<void> throw_away(std::shared_ptr<Body> body, std::shared_ptr<Reply<grid::WriteAnswer>> reply,
                          grid::WriteAnswer said) {
  for (;;) {
    const Result<Bytes> piece = co_await body->take(kPacketBytes);
    if (!piece) co_return;
    if (piece->empty()) break;
  }
  reply->give(std::move(said));
}

io::Task<Result<Bytes>> read_share(ShareStore* store, StorageIndex si, ShareNumber share, Range range) {
  HF_CO_TRY(ShareStore::OpenShare file, co_await store->open_share(si, share));
  range.end = std::min(range.end, file.bytes);
  if (range.empty()) co_return Bytes{};
  co_return co_await store->read(std::move(file), range);
}

io::Task<Result<void>> lease(ShareStore* store, StorageIndex si, storage::LeaseRequest request) {
  HF_CO_TRY_VOID(co_await store->add_lease(si, std::move(request)));
  co_return Result<void>{};
}

/// Whoever stops sending without an end has cut.
struct EndOfBody {
  std::shared_ptr<Body> body;
  ~EndOfBody() { body->cut(); }
};

template <std::size_t N, class Tag>
FixedBytes<N, Tag> identity(std::string_view what, const std::string& name) {
  const Hash hash = crypto::sha256(view_of(std::string(what) + name));
  return FixedBytes<N, Tag>::from(hash.view().first(N));
}

}  // namespace

Host::Host(io::SimulatedLoop& loop, Trial& trial, const Scenario& scenario, unsigned server)
    : number(server),
      name("server" + std::to_string(server)),
      id("v0-" + name),
      seed(to_bytes(identity<20, TubIdTag>("seed", name).view())),
      machine(loop, scenario.seed * 1'000 + server, !scenario.has(FaultKind::stock, server),
              scenario.has(FaultKind::read_only, server)),
      road(loop, machine, scenario.seed * 2'000'003 + server),
      liar(scenario.lies_of(server), scenario.seed * 3'000'017 + server),
      witness(trial, machine, name) {
  road.absent = scenario.has(FaultKind::absent, server);
}

std::optional<SpkiHash> SimStorageServer::spki() const {
  if (!known_) return std::nullopt;
  return identity<32, SpkiHashTag>("spki", host_.name);
}

std::optional<TubId> SimStorageServer::tub_id() const {
  if (!known_) return std::nullopt;
  return identity<20, TubIdTag>("tub", host_.name);
}

/// The way back.
template <class T>
io::Task<Result<T>> SimStorageServer::hear(Fault fault, std::shared_ptr<Reply<T>> reply, io::Duration longest) {
  if (fault.kind == FaultKind::silence) {
    const bool slept = co_await io::sleep_for(longest);
    co_return fail(slept ? Errc::timeout : Errc::cancelled, "no answer in time");
  }
  Result<T> result = co_await reply->wait(longest);
  if (!result && result.error().code != Errc::unavailable) co_return result;
  if (fault.kind == FaultKind::slow) {
    const bool slept = co_await io::sleep_for(std::min<io::Duration>(std::chrono::milliseconds(fault.amount), longest));
    if (!slept) co_return fail(Errc::cancelled, "stopped");
    if (std::chrono::milliseconds(fault.amount) >= longest) co_return fail(Errc::timeout, "no answer in time");
  }
  if (fault.kind == FaultKind::cut_after) co_return fail(Errc::unavailable, "connection reset before the answer");
  // A machine that died or restarted meanwhile: what it had answered may still have been on the way, and arrives.
  if (host_.road.silent || host_.road.refuses) HF_CO_TRY_VOID(co_await host_.road.travel());
  known_ = true;
  co_return result;
}

template <class T>
io::Task<Result<T>> SimStorageServer::exchange(std::string what, Work<T> work) {
  const Fault fault = host_.road.next_call();
  ++traffic_.requests;
  ++trial_.figures.calls;
  Result<T> out = fail(Errc::unavailable, "connection reset");
  const Result<void> there = co_await host_.road.travel();
  if (!there) {
    out = tl::make_unexpected(there.error());
  } else if (fault.kind != FaultKind::cut_before && fault.kind != FaultKind::cut_body) {
    auto reply = std::make_shared<Reply<T>>(host_.road.loop());
    host_.machine.spawn(answer<T>(&host_.machine, work(host_.machine.store()), reply));
    if (fault.kind == FaultKind::twice) host_.machine.spawn(once_more<T>(&host_.machine, work, fault.amount));
    out = co_await hear<T>(fault, reply, kSilence);
  }
  if (!out && out.error().code != Errc::cancelled) ++traffic_.broken_connections;
  if (trial_.verbose())
    trial_.note(host_.name + " " + what + (out ? ": yes" : ": " + out.error().what) +
                (fault.kind != FaultKind::kinds ? "  <" + std::string(to_string(fault.kind)) + ">" : ""));
  co_return out;
}

io::Task<Result<grid::VersionAnswer>> SimStorageServer::version() {
  struct Ask {
    static io::Task<Result<grid::VersionAnswer>> of(ShareStore* store) {
      grid::VersionAnswer out;
      out.version.maximum_immutable_share_size = out.version.available_space = store->available();
      out.resumes = store->resumes();
      co_return out;
    }
  };
  const Work<grid::VersionAnswer> work = [](ShareStore& store) { return Ask::of(&store); };
  Result<grid::VersionAnswer> out = co_await exchange<grid::VersionAnswer>("version", work);
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<std::vector<ShareNumber>>> SimStorageServer::list_shares(const StorageIndex& si) {
  const auto before = host_.witness.before(si);
  const Work<protocol::ShareSet> work = [si](ShareStore& store) { return store.list(si); };
  const Result<protocol::ShareSet> shares = co_await exchange<protocol::ShareSet>("list", work);
  if (shares && host_.liar.honest()) host_.witness.listed(before, *shares);
  Result<std::vector<ShareNumber>> out = tl::make_unexpected(shares ? Error{} : shares.error());
  if (shares) out = std::vector<ShareNumber>(shares->begin(), shares->end());
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<protocol::AllocateReply>> SimStorageServer::allocate(const StorageIndex& si,
                                                                     protocol::AllocateRequest request,
                                                                     const grid::AllocateSecrets& secrets) {
  const auto before = host_.witness.before(si);
  host_.liar.learn_size(request.allocated_size);
  ShareStore::Allocation allocation;
  allocation.request = std::move(request);
  allocation.lease = {0, secrets.lease_renew, secrets.lease_cancel};
  allocation.upload_secret = secrets.upload;
  allocation.resumable = true;
  const Secret secret = secrets.upload;
  const Work<protocol::AllocateReply> work = [si, allocation](ShareStore& store) {
    return store.allocate(si, allocation);
  };
  Result<protocol::AllocateReply> out = co_await exchange<protocol::AllocateReply>("allocate", work);
  if (out && host_.liar.honest()) {
    host_.witness.listed(before, out->already_have);
    host_.witness.allocated(before, secret, *out);
  }
  host_.liar.distort(out);
  co_return out;
}

/// Sends what the source gives, as fast as the road is and the server reads.
io::Task<Result<void>> SimStorageServer::feed(Fault fault, grid::ByteSource& source, std::shared_ptr<Body> body,
                                              const Reply<grid::WriteAnswer>& reply, std::uint64_t& sent) {
  const unsigned starts = host_.machine.starts();
  while (sent < source.length() && !reply.given()) {
    HF_CO_TRY(const ByteView given, co_await source.next());
    for (ByteView rest = given; !rest.empty() && !reply.given();) {
      ByteView packet = rest.first(std::min(rest.size(), kPacketBytes));
      rest = rest.subspan(packet.size());
      HF_CO_TRY_VOID(co_await host_.road.carry(packet.size()));
      HF_CO_TRY_VOID(co_await body->room());
      if (host_.machine.starts() != starts) co_return fail(Errc::unavailable, "connection reset");
      traffic_.body_bytes_sent += packet.size();
      trial_.figures.sent_bytes += packet.size();
      sent += packet.size();
      if (fault.kind == FaultKind::cut_body && sent > fault.amount) {
        body->push(packet.first(packet.size() - std::min<std::uint64_t>(packet.size(), sent - fault.amount)));
        co_return fail(Errc::unavailable, "connection reset in the body");
      }
      body->push(packet);
    }
  }
  co_return Result<void>{};
}

io::Task<Result<grid::WriteAnswer>> SimStorageServer::write(const StorageIndex& si, ShareNumber share,
                                                            std::uint64_t offset, grid::ByteSource& source,
                                                            const Secret& upload_secret) {
  const auto before = host_.witness.before(si);
  const Fault fault = host_.road.next_call();
  const Range range{offset, offset + source.length()};
  ++traffic_.requests;
  ++trial_.figures.calls;
  Result<grid::WriteAnswer> out = fail(Errc::unavailable, "connection reset");
  std::uint64_t sent = 0;
  const Result<void> there = co_await host_.road.travel();
  if (!there) {
    out = tl::make_unexpected(there.error());
  } else if (fault.kind != FaultKind::cut_before) {
    auto body = std::make_shared<Body>(host_.road.loop());
    auto reply = std::make_shared<Reply<grid::WriteAnswer>>(host_.road.loop());
    const EndOfBody end{body};
    const std::size_t piece = std::max(1 + host_.road.random().below(64 * 1024), range.size() / kPiecesMax);
    if (host_.liar.drops()) {
      const bool at_once = host_.road.random().below(4) == 0;
      if (at_once)
        reply->give(host_.liar.drop(share, range));
      else
        host_.machine.spawn(throw_away(body, reply, host_.liar.drop(share, range)));
    } else {
      host_.machine.spawn(answer<grid::WriteAnswer>(
          &host_.machine, store_body(&host_.machine.store(), si, share, upload_secret, range, body, piece), reply));
    }
    const Result<void> fed = co_await feed(fault, source, body, *reply, sent);
    if (fed) body->end();
    if (fed || reply->given())
      out = co_await hear<grid::WriteAnswer>(fault, reply, kCompleting);
    else
      out = tl::make_unexpected(fed.error());
  }
  if (!out) ++host_.witness.broken_writes;
  if (host_.liar.honest()) {
    RangeSet again =
        host_.witness.held_in(before, share, upload_secret).intersection({range.begin, range.begin + sent});
    host_.witness.held_and_sent_again += again.total();
    if (out) host_.witness.written(before, share, upload_secret, *out);
  }
  if (trial_.verbose())
    trial_.note(host_.name + " write " + std::to_string(share) + " [" + std::to_string(range.begin) + "," +
                std::to_string(range.end) + ")" +
                (out ? (out->complete ? ": complete" : ": yes") : ": " + out.error().what) +
                (fault.kind != FaultKind::kinds ? "  <" + std::string(to_string(fault.kind)) + ">" : ""));
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<void>> SimStorageServer::abort(const StorageIndex& si, ShareNumber share, const Secret& upload_secret) {
  host_.witness.forget_upload(share);
  const Work<void> work = [si, share, upload_secret](ShareStore& store) {
    return store.abort(si, share, upload_secret);
  };
  Result<void> out = co_await exchange<void>("abort", work);
  host_.witness.forget_upload(share);
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<protocol::UploadStatus>> SimStorageServer::status(const StorageIndex& si, const Secret& upload_secret) {
  const auto before = host_.witness.before(si);
  const Secret secret = upload_secret;
  if (!host_.machine.resumes()) {
    const Work<protocol::ShareSet> nothing = [si](ShareStore& store) { return store.list(si); };
    static_cast<void>(co_await exchange<protocol::ShareSet>("status", nothing));
    co_return fail(Errc::unsupported, host_.name + " does not speak the resumption extension");
  }
  const Work<protocol::UploadStatus> work = [si, secret](ShareStore& store) { return store.status(si, secret); };
  Result<protocol::UploadStatus> out = co_await exchange<protocol::UploadStatus>("status", work);
  if (out && host_.liar.honest()) host_.witness.told_status(before, secret, *out);
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<Bytes>> SimStorageServer::read(const StorageIndex& si, ShareNumber share, Range range) {
  const Work<Bytes> work = [si, share, range](ShareStore& store) { return read_share(&store, si, share, range); };
  Result<Bytes> out = co_await exchange<Bytes>("read " + std::to_string(share), work);
  if (out) {
    const Result<void> carried = co_await host_.road.carry(out->size());
    if (!carried) out = tl::make_unexpected(carried.error());
  }
  if (out) traffic_.body_bytes_received += out->size();
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<void>> SimStorageServer::add_lease(const StorageIndex& si, const Secret& renew, const Secret& cancel) {
  const storage::LeaseRequest request{1, renew, cancel};
  const Work<void> work = [si, request](ShareStore& store) { return lease(&store, si, request); };
  Result<void> out = co_await exchange<void>("lease", work);
  host_.liar.distort(out);
  co_return out;
}

io::Task<Result<void>> SimStorageServer::advise_corrupt(const StorageIndex& si, ShareNumber share, std::string reason) {
  if (host_.liar.honest() && !host_.witness.may_be_corrupt)
    trial_.violation(host_.name + " is honest, but told of corruption: " + reason);
  const Work<void> work = [si, share, reason](ShareStore& store) { return store.advise_corrupt(si, share, reason); };
  Result<void> out = co_await exchange<void>("advise", work);
  host_.liar.distort(out);
  co_return out;
}

}  // namespace holdfast::sim
