#include "holdfast/node/storage/storage_routes.h"

#include <algorithm>
#include <array>

#include "holdfast/core/protocol/http_fields.h"
#include "holdfast/core/protocol/storage_paths.h"
#include "holdfast/edge/io/piece_loan.h"

namespace holdfast::storage {
namespace {

using protocol::RouteKind;

constexpr std::size_t kAllocateBodyMax = 8192;
constexpr std::size_t kCorruptBodyMax = 32'768;
constexpr std::uint64_t kMutableShareMax = 69'105'000'000'000'000;
constexpr std::size_t kLeaseSecretBytes = 32;

const char* const kCbor = "application/cbor";
const char* const kOctets = "application/octet-stream";

/// The secrets that a route wants: exactly these, each once or more (the last one wins).
struct Secrets {
  Secret renew, cancel, upload;
};
enum Wanted : unsigned { kNone = 0, kLease = 1, kUpload = 2 };

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::malformed:
      return 400;
    case Errc::unauthorized:
      return 401;
    case Errc::not_found:
      return 404;
    case Errc::unsupported:
      return 405;
    case Errc::conflict:
      return 409;
    case Errc::no_space:
      return 507;
    case Errc::cancelled:
    case Errc::unavailable:
    case Errc::timeout:
      return 503;
    default:
      return 500;
  }
}

class Request {
 public:
  Request(ShareStore& store, RouteCounters& counters, http::Exchange& exchange, const std::string& version)
      : store_(store), counters_(counters), exchange_(exchange), version_(version) {}

  io::Task<void> serve(const std::string& authorization) {
    ++counters_.requests;
    const http::RequestHead& head = exchange_.request();
    route_ = protocol::parse_route(head.target);
    if (route_.kind == RouteKind::unknown) co_return co_await refuse(404, "");
    if (!method_fits(head.method)) co_return co_await refuse(405, "");
    const auto field = head.headers.find("Authorization");
    if (!field || !equal_constant_time(view_of(*field), view_of(authorization))) {
      ++counters_.unauthorized;
      const bool readable = !field || std::ranges::all_of(*field, [](unsigned char c) { return c < 128; });
      co_return co_await refuse(readable ? 401 : 400, "this server does not know you");
    }
    const Result<void> secrets = take_secrets();
    if (!secrets) {
      ++counters_.bad_requests;
      co_return co_await refuse(400, secrets.error().what);
    }
    co_await dispatch();
  }

 private:
  bool method_fits(const std::string& method) const {
    switch (route_.kind) {
      case RouteKind::share:
        return method == "PATCH" || method == "GET" || method == "HEAD";
      case RouteKind::lease:
      case RouteKind::abort:
        return method == "PUT";
      case RouteKind::allocate:
      case RouteKind::corrupt:
      case RouteKind::mutable_corrupt:
      case RouteKind::mutable_read_test_write:
        return method == "POST";
      default:
        return method == "GET" || method == "HEAD";
    }
  }

  unsigned wanted() const {
    switch (route_.kind) {
      case RouteKind::allocate:
        return kLease | kUpload;
      case RouteKind::lease:
        return kLease;
      case RouteKind::abort:
      case RouteKind::resume_status:
        return kUpload;
      case RouteKind::share:
        return exchange_.request().method == "PATCH" ? kUpload : kNone;
      default:
        return kNone;
    }
  }

  Result<void> take_secrets() {
    if (route_.kind == RouteKind::mutable_read_test_write) return {};
    const unsigned want = wanted();
    for (std::string_view value : exchange_.request().headers.find_all("X-Tahoe-Authorization")) {
      HF_TRY(protocol::SecretField field, protocol::parse_secret_field(value));
      Secret secret(std::move(field.secret));
      if (field.kind == "upload-secret" && (want & kUpload) != 0) {
        secrets_.upload = std::move(secret);
      } else if ((field.kind == "lease-renew-secret" || field.kind == "lease-cancel-secret") && (want & kLease) != 0) {
        if (secret.size() != kLeaseSecretBytes) return fail(Errc::malformed, "a lease secret has 32 bytes");
        (field.kind == "lease-renew-secret" ? secrets_.renew : secrets_.cancel) = std::move(secret);
      } else {
        return fail(Errc::malformed, "a secret that this request must not have");
      }
    }
    const bool missing = ((want & kUpload) != 0 && secrets_.upload.empty()) ||
                         ((want & kLease) != 0 && (secrets_.renew.empty() || secrets_.cancel.empty()));
    if (missing) return fail(Errc::malformed, "a secret is missing");
    return {};
  }

  io::Task<void> dispatch() {
    switch (route_.kind) {
      case RouteKind::version:
        return version();
      case RouteKind::lease:
        return lease();
      case RouteKind::allocate:
        return allocate();
      case RouteKind::list:
        return list();
      case RouteKind::share:
        return exchange_.request().method == "PATCH" ? write() : read();
      case RouteKind::abort:
        return abort();
      case RouteKind::corrupt:
        return corrupt();
      case RouteKind::resume_status:
        return resume_status();
      case RouteKind::mutable_list:
        return mutable_list();
      case RouteKind::mutable_read_test_write:
        return refuse(501, "this server keeps no mutable files yet");
      default:
        return refuse(404, "no such share");
    }
  }

  bool share_possible() const { return route_.share < kSharesMax; }
  ShareNumber share() const { return static_cast<ShareNumber>(route_.share); }

  bool is_read() const { return route_.kind == RouteKind::share && exchange_.request().method != "PATCH"; }

  /// The field of that name. One that comes twice could be read in two ways: it is there, but says nothing.
  std::optional<std::string_view> single_field(std::string_view name) const {
    const auto all = exchange_.request().headers.find_all(name);
    if (all.empty()) return std::nullopt;
    return all.size() == 1 ? all.front() : std::string_view();
  }

  io::Task<void> refuse(unsigned status, std::string text) {
    http::ResponseHead head;
    head.status = status;
    // Tahoe's client looks at the type of read answers before it looks at the status.
    const bool read = is_read() || route_.kind == RouteKind::mutable_share;
    head.headers.add("Content-Type", read ? kOctets : "text/plain; charset=utf-8");
    static_cast<void>(co_await exchange_.respond(std::move(head), view_of(text)));
  }
  io::Task<void> refuse(const Error& error) { return refuse(status_of(error.code), error.what); }

  io::Task<void> answer(unsigned status, Bytes body) {
    http::ResponseHead head;
    head.status = status;
    if (!body.empty()) head.headers.add("Content-Type", kCbor);
    static_cast<void>(co_await exchange_.respond(std::move(head), body));
  }

  bool cbor_is_acceptable() const { return protocol::accepts_cbor(exchange_.request().headers.find("Accept")); }

  void add_resume_header(http::ResponseHead& head, const protocol::ShareSet& matched = {}) const {
    if (!store_.resumes()) return;
    const protocol::ResumeField field{1, store_.options().partial_retention_seconds,
                                      store_.options().partial_idle_seconds, matched};
    head.headers.add("Tahoe-Resume", protocol::format_resume_field(field));
  }

  io::Task<void> version() {
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    http::ResponseHead head;
    head.headers.add("Content-Type", kCbor);
    add_resume_header(head);
    const protocol::ServerVersion message{store_.available(), kMutableShareMax, store_.available(), version_};
    static_cast<void>(co_await exchange_.respond(std::move(head), protocol::encode(message)));
  }

  LeaseRequest lease_request(std::uint32_t owner) const { return {owner, secrets_.renew, secrets_.cancel}; }

  io::Task<void> lease() {
    const Result<std::size_t> done = co_await store_.add_lease(route_.si, lease_request(1));
    if (!done) co_return co_await refuse(done.error());
    co_await answer(204, {});
  }

  /// The body of a CBOR request, or the answer has been given.
  io::Task<std::optional<Bytes>> cbor_body(std::size_t bytes_max) {
    if (!protocol::is_cbor(exchange_.request().headers.find("Content-Type"))) {
      co_await refuse(415, "only application/cbor");
      co_return std::nullopt;
    }
    Result<Bytes> body = co_await http::read_all(exchange_.body(), bytes_max);
    if (body) co_return std::move(*body);
    co_await refuse(body.error().code == Errc::malformed ? 413 : 400, "the body is too large or ended early");
    co_return std::nullopt;
  }

  io::Task<void> allocate() {
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    const std::optional<Bytes> body = co_await cbor_body(kAllocateBodyMax);
    if (!body) co_return;
    Result<protocol::AllocateRequest> message = protocol::decode_allocate_request(*body);
    if (!message) co_return co_await refuse(message.error());
    const auto field = exchange_.request().headers.find("Tahoe-Resume");
    const auto resume = field ? protocol::parse_resume_field(*field) : fail(Errc::malformed, "");
    ShareStore::Allocation allocation{std::move(*message), lease_request(0), secrets_.upload,
                                      resume && resume->version >= 1 && store_.resumes()};
    const bool resumable = allocation.resumable;
    const Result<protocol::AllocateReply> reply = co_await store_.allocate(route_.si, std::move(allocation));
    if (!reply) co_return co_await refuse(reply.error());
    http::ResponseHead head;
    head.headers.add("Content-Type", kCbor);
    if (resumable) add_resume_header(head, reply->matched);
    static_cast<void>(co_await exchange_.respond(std::move(head), protocol::encode(*reply)));
  }

  io::Task<void> list() {
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    const Result<protocol::ShareSet> shares = co_await store_.list(route_.si);
    if (!shares) co_return co_await refuse(shares.error());
    co_await answer(200, protocol::encode_share_set(*shares));
  }

  io::Task<void> mutable_list() {
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    co_await answer(200, protocol::encode_share_set({}));
  }

  io::Task<void> abort() {
    if (!share_possible()) co_return co_await refuse(404, "no such upload");
    const Result<void> done = co_await store_.abort(route_.si, share(), secrets_.upload);
    if (!done) co_return co_await refuse(done.error());
    co_await answer(200, {});
  }

  io::Task<void> corrupt() {
    const Result<protocol::ShareSet> shares = co_await store_.list(route_.si);
    if (!shares) co_return co_await refuse(shares.error());
    if (!share_possible() || !shares->contains(share())) co_return co_await refuse(404, "no such share");
    const std::optional<Bytes> body = co_await cbor_body(kCorruptBodyMax);
    if (!body) co_return;
    Result<protocol::CorruptReport> report = protocol::decode_corrupt_report(*body);
    if (!report) co_return co_await refuse(report.error());
    const Result<void> done = co_await store_.advise_corrupt(route_.si, share(), std::move(report->reason));
    if (!done) co_return co_await refuse(done.error());
    co_await answer(200, {});
  }

  io::Task<void> resume_status() {
    if (!store_.resumes()) co_return co_await refuse(404, "");
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    const Result<protocol::UploadStatus> status = co_await store_.status(route_.si, secrets_.upload);
    if (!status) co_return co_await refuse(status.error());
    co_await answer(200, protocol::encode(*status));
  }

  /// Streams the body to disk. What arrived before a cut counts.
  io::Task<void> write() {
    const auto field = single_field("Content-Range");
    const auto range = field ? protocol::parse_content_range(*field) : fail(Errc::malformed, "no Content-Range");
    if (!range) co_return co_await refuse(416, range.error().what);
    if (!share_possible()) co_return co_await refuse(404, "no such upload");
    auto writer = store_.begin_write(route_.si, share(), secrets_.upload, range->range, range->total);
    if (!writer)
      co_return co_await refuse(writer.error().code == Errc::malformed ? 416 : status_of(writer.error().code),
                                writer.error().what);
    const std::uint64_t expected = range->range.size();
    if (const auto length = exchange_.request().content_length; length && *length > expected) {
      co_return co_await refuse(400, "the body is longer than its range");
    }
    std::uint64_t received = 0;
    Result<bool> whole = false;
    while (whole && !*whole) whole = co_await store_piece(**writer, expected, received);
    const Result<ShareStore::Writer::Outcome> outcome = co_await (*writer)->finish();
    if (!whole) {
      if (whole.error().code == Errc::unavailable) ++counters_.broken_bodies;
      const bool cut = whole.error().code == Errc::unavailable || whole.error().code == Errc::timeout;
      co_return co_await refuse(cut ? 400 : status_of(whole.error().code), whole.error().what);
    }
    if (received != expected) co_return co_await refuse(400, "the body does not have the length of its range");
    if (!outcome) co_return co_await refuse(outcome.error());
    // 406 comes after the bytes are stored, as the reference has it.
    if (!cbor_is_acceptable()) co_return co_await refuse(406, "only application/cbor");
    const protocol::WriteReply reply{outcome->required};
    Bytes encoded = protocol::encode(reply);
    co_await answer(outcome->complete ? 201 : 200, std::move(encoded));
  }

  /// Fills one piece and stores it. True at the end of the body.
  io::Task<Result<bool>> store_piece(ShareStore::Writer& writer, std::uint64_t expected, std::uint64_t& received) {
    const io::PieceLoan loan(counters_.piece_bytes_lent, std::max<std::uint64_t>(expected - received, 1));
    Buffer piece(loan.bytes());
    std::size_t filled = 0;
    Result<std::size_t> count = std::size_t{1};
    while (filled < piece.size()) {
      count = co_await exchange_.body().read_some(MutableByteView(piece).subspan(filled));
      if (!count || *count == 0) break;
      writer.hear();
      filled += *count;
      if (writer.is_due()) break;
    }
    if (received + filled > expected) co_return fail(Errc::malformed, "the body is longer than its range");
    received += filled;
    piece.resize(filled);
    if (filled > 0) HF_CO_TRY_VOID(co_await writer.append(std::move(piece)));
    if (!count) co_return tl::make_unexpected(count.error());
    co_return *count == 0;
  }

  io::Task<void> read() {
    const auto field = single_field("Range");
    const auto asked = field ? protocol::parse_range(*field) : fail(Errc::malformed, "");
    if (!share_possible()) co_return co_await refuse(404, "no such share");
    const Result<ShareStore::OpenShare> share_file = co_await store_.open_share(route_.si, share());
    if (!share_file) co_return co_await refuse(share_file.error());
    if (field && !asked) co_return co_await refuse(416, asked.error().what);
    const std::uint64_t size = share_file->bytes;
    Range range{0, size};
    http::ResponseHead head;
    head.headers.add("Content-Type", kOctets);
    if (field) {
      range = Range{asked->begin, std::min(asked->end, size)};
      head.status = range.empty() ? 204 : 206;
      if (!range.empty()) head.headers.add("Content-Range", protocol::format_content_range(range, size));
    }
    if (range.empty()) {
      static_cast<void>(co_await exchange_.respond(std::move(head), {}));
      co_return;
    }
    co_await send_pieces(*share_file, range, std::move(head));
  }

  io::Task<void> send_pieces(ShareStore::OpenShare file, Range range, http::ResponseHead head) {
    if (exchange_.request().method == "HEAD") {
      static_cast<void>(co_await exchange_.begin(std::move(head), range.size()));
      co_return;
    }
    bool begun = false;
    for (std::uint64_t at = range.begin; at < range.end;) {
      const io::PieceLoan loan(counters_.piece_bytes_lent, range.end - at);
      const Range piece{at, at + loan.bytes()};
      const Result<Bytes> bytes = co_await store_.read(file, piece);
      if (!bytes) {
        if (begun) co_return exchange_.abandon();
        co_return co_await refuse(bytes.error());
      }
      if (piece == range) {
        static_cast<void>(co_await exchange_.respond(std::move(head), *bytes));
        co_return;
      }
      if (!std::exchange(begun, true)) {
        const Result<void> started = co_await exchange_.begin(head, range.size());
        if (!started) co_return;
      }
      const Result<void> written = co_await exchange_.write(*bytes);
      if (!written) co_return;
      at = piece.end;
    }
  }

  ShareStore& store_;
  RouteCounters& counters_;
  http::Exchange& exchange_;
  const std::string& version_;
  protocol::Route route_;
  Secrets secrets_;
};

}  // namespace

http::Handler make_storage_handler(ShareStore& store, RouteCounters& counters, const std::string& swissnum,
                                   std::string application_version) {
  return [&store, &counters, authorization = protocol::authorization_value(swissnum),
          version = std::move(application_version)](http::Exchange& exchange) -> io::Task<void> {
    Request request(store, counters, exchange, version);
    co_await request.serve(authorization);
  };
}

}  // namespace holdfast::storage
