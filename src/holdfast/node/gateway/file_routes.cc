#include "holdfast/node/gateway/file_routes.h"

#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/content_disposition.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/node/gateway/file_answer.h"
#include "holdfast/node/gateway/file_reader.h"
#include "holdfast/node/gateway/media_types.h"
#include "holdfast/node/transfer/readable_file.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kCapBytesMax = 4096;  // a literal may be as long as its writer liked

/// What the path and the arguments ask for.
struct Asked {
  cap::Cap cap;
  std::string name;  // empty: nobody named it
  std::string form;  // "", "json", "uri", "readonly-uri"
  bool save = false;
  bool named = false;  // by filename=
};

Result<cap::Cap> file_cap(std::string_view text) {
  if (text.size() > kCapBytesMax) return fail(Errc::malformed, "that is too long for a cap");
  cap::Cap cap = cap::parse_cap(text);
  const auto* literal = std::get_if<cap::LitCap>(&cap);
  bool directory = literal != nullptr && literal->directory;
  if (literal == nullptr) {
    HF_TRY(const cap::ChkReadCap read, transfer::readable(cap));
    directory = read.directory;
  }
  if (directory) return fail(Errc::unsupported, "that is the cap of a directory; this gateway serves files only");
  return cap;
}

Result<Asked> parse_arguments(const protocol::WebTarget& target, Asked asked, bool is_head) {
  std::string_view form = target.argument("t").value_or("");
  while (form.starts_with(' ')) form.remove_prefix(1);
  while (form.ends_with(' ')) form.remove_suffix(1);
  if (!form.empty() && (is_head || (form != "json" && form != "uri" && form != "readonly-uri"))) {
    return fail(Errc::malformed, std::string(is_head ? "HEAD" : "GET") + " file: bad t=" + std::string(form));
  }
  asked.form = form;
  if (const auto name = target.argument("filename")) {
    asked.name = *name;
    asked.named = true;
  }
  if (const auto save = target.argument("save")) {
    HF_TRY(asked.save, protocol::parse_web_boolean(*save));
  }
  return asked;
}

/// /uri/CAP: nothing may follow, for a file has no children.
Result<Asked> parse_uri(const protocol::WebTarget& target, bool is_head) {
  Asked asked;
  HF_TRY(asked.cap, file_cap(target.segment(1)));
  if (target.path.size() > 2 || target.trailing_slash) {
    return fail(Errc::malformed, "a file has no children; /file/CAP/NAME gives it a name");
  }
  return parse_arguments(target, std::move(asked), is_head);
}

/// /file/CAP/anything/NAME: the last segment is the name, "@@named=" of old links is one like others.
Result<Asked> parse_named(const protocol::WebTarget& target, bool is_head) {
  Asked asked;
  HF_TRY(asked.cap, file_cap(target.segment(1)));
  if (target.trailing_slash) return fail(Errc::malformed, "a file has no children");
  if (target.path.size() > 2) asked.name = target.path.back();
  return parse_arguments(target, std::move(asked), is_head);
}

/// As Tahoe-LAFS has it, one blank a level.
std::string json_of(const cap::Cap& cap) {
  std::string size, verify;
  if (const auto* literal = std::get_if<cap::LitCap>(&cap)) {
    size = std::to_string(literal->data.size());
  } else {
    const auto& read = std::get<cap::ChkReadCap>(cap);
    size = std::to_string(read.size);
    verify = ",\n  \"verify_uri\": \"" + cap::to_string(cap::Cap(cap::weaken(read))) + "\"";
  }
  return "[\n \"filenode\",\n {\n  \"format\": \"CHK\",\n  \"mutable\": false,\n  \"ro_uri\": \"" +
         cap::to_string(cap) + "\",\n  \"size\": " + size + verify + "\n }\n]\n";
}

std::string short_hash(ByteView content) {
  constexpr std::size_t kTagBytes = 16;
  return base32_encode(crypto::sha256(content).view().first(kTagBytes));
}

/// A body that is in memory.
FileFacts facts_of_text(ByteView content, std::string etag) {
  FileFacts out;
  out.size = content.size();
  out.etag = std::move(etag);
  out.media_type = "text/plain;charset=utf-8";
  out.cache_control = "private, no-store";
  return out;
}

FileFacts facts_of_file(const Asked& asked, const KnownDigests& digests) {
  FileFacts out;
  if (const auto* literal = std::get_if<cap::LitCap>(&asked.cap)) {
    out.size = literal->data.size();
    out.etag = "\"l-" + short_hash(literal->data) + "\"";
    out.sha256_base64 = protocol::base64_encode(crypto::sha256(literal->data).view());
  } else {
    const auto& read = std::get<cap::ChkReadCap>(asked.cap);
    out.size = read.size;
    const Hash id = file_id_of(read);
    out.etag = "\"c-" + base32_encode(id.view()) + "\"";
    if (const auto sha256 = digests.of(id)) out.sha256_base64 = protocol::base64_encode(sha256->view());
    out.former = to_string(cap::storage_index_of(read.key)) + "-";
  }
  const std::string_view name = asked.name.empty() ? std::string_view("unknown") : std::string_view(asked.name);
  out.media_type = media_type_of(name);
  out.sandbox = sandbox_of(out.media_type);
  if (asked.save || asked.named) {
    out.disposition = protocol::content_disposition(asked.save ? "attachment" : "inline", name);
  }
  return out;
}

class FileServing {
 public:
  FileServing(FileTable& files, SharedState& shared, http::Exchange& exchange)
      : files_(files), shared_(shared), exchange_(exchange) {}

  io::Task<void> serve(Asked asked) {
    Bytes content;
    FileFacts facts = facts_of_file(asked, shared_.digests);
    const bool in_memory = !asked.form.empty() || std::holds_alternative<cap::LitCap>(asked.cap);
    if (!asked.form.empty()) {
      const std::string tag = "\"" + facts.former + asked.form + short_hash(view_of(facts.etag)) + "\"";
      content = to_bytes(asked.form == "json" ? json_of(asked.cap) : cap::to_string(asked.cap));
      facts = facts_of_text(content, tag);
    } else if (in_memory) {
      content = std::get<cap::LitCap>(asked.cap).data;
    }
    const std::string boundary = to_hex(shared_.context.random.bytes(16));
    FileAnswer answer = plan_answer(exchange_.request(), facts, boundary);
    if (answer.head.status == 412) {
      http::Headers headers;
      headers.add("ETag", facts.etag);
      co_return co_await answer_text(exchange_, 412, "the file is another one than If-Match says", std::move(headers));
    }
    add_standard_headers(answer.head.headers);
    if (answer.parts.empty() || facts.size == 0) {
      static_cast<void>(co_await exchange_.begin(std::move(answer.head), answer.length));
    } else if (in_memory) {
      co_await send_from_memory(std::move(answer), content);
    } else {
      co_await send_from_grid(std::move(answer), std::get<cap::ChkReadCap>(asked.cap));
    }
  }

 private:
  io::Task<void> send_from_memory(FileAnswer answer, ByteView content) {
    Bytes body;
    for (const AnswerPart& part : answer.parts) {
      append(body, part.before);
      append(body, content.subspan(part.range.begin, part.range.size()));
    }
    static_cast<void>(co_await exchange_.respond(std::move(answer.head), body));
  }

  /// Nothing is promised before the first bytes are there.
  io::Task<Result<Piece>> first_piece(FileReader& reader, Range range) {
    HF_CO_TRY_VOID(co_await reader.open());
    co_return co_await reader.read(range);
  }

  io::Task<void> send_from_grid(FileAnswer answer, cap::ChkReadCap cap) {
    const Result<FileUse> use = files_.use(cap);
    if (!use) co_return co_await answer_error(exchange_, use.error());
    OpenFile& file = use->file();
    FileReader reader(file, [this] { return exchange_.client_finished(); });
    Result<Piece> first = co_await first_piece(reader, answer.parts.front().range);
    if (!first) co_return co_await refuse(file, std::move(first).error());
    Result<void> sent = co_await exchange_.begin(std::move(answer.head), answer.length);
    for (const AnswerPart& part : answer.parts) {
      if (sent) sent = co_await write(view_of(part.before));
      if (sent) sent = co_await send_range(reader, part.range, first);
    }
    if (sent) co_return;
    // The body stays visibly short: not a byte that is not the file's is ever sent.
    exchange_.abandon();
  }

  io::Task<Result<void>> write(ByteView bytes) {
    Result<void> sent = co_await exchange_.write(bytes);
    if (!sent && sent.error().code != Errc::cancelled) ++shared_.counters.clients_left;
    co_return sent;
  }

  /// `first` is the piece that is there already; the others are read.
  io::Task<Result<void>> send_range(FileReader& reader, Range range, Result<Piece>& first) {
    while (!range.empty()) {
      Result<Piece> piece = std::exchange(first, fail(Errc::cancelled, "has been sent"));
      if (!piece) piece = co_await reader.read(range);
      if (!piece) {
        if (piece.error().code != Errc::cancelled) {
          ++shared_.counters.broken_off;
          shared_.context.log.warning("a download was broken off: " + piece.error().what);
        }
        co_return tl::make_unexpected(std::move(piece).error());
      }
      HF_CO_TRY_VOID(co_await write(piece->bytes));
      shared_.counters.bytes_sent += piece->bytes.size();
      range.begin += piece->bytes.size();
    }
    co_return Result<void>{};
  }

  io::Task<void> refuse(const OpenFile& file, Error error) {
    if (error.code == Errc::timeout) {
      const std::string found = std::to_string(file.shares_found()) + " shares have been found";
      error.what = file.is_open() ? found + ", but nothing more comes of them; try again later"
                                  : "only " + found + " so far; some servers do not answer";
    }
    co_await answer_error(exchange_, error);
  }

  FileTable& files_;
  SharedState& shared_;
  http::Exchange& exchange_;
};

/// GET /uri?uri=CAP&other=x means /uri/CAP?other=x.
io::Task<void> redirect(WebRequest request) {
  const auto cap = request.target.argument("uri");
  if (!cap) co_return co_await answer_text(request.exchange, 400, "GET /uri requires uri=");
  const Result<cap::Cap> understood = file_cap(*cap);
  if (!understood) co_return co_await answer_error(request.exchange, understood.error());
  std::string location = "/uri/" + protocol::percent_encode(*cap);
  bool first = true, seen = false;
  for (const auto& [name, value] : request.target.arguments) {
    if (name == "uri" && !std::exchange(seen, true)) continue;
    location += (std::exchange(first, false) ? "?" : "&") + protocol::percent_encode(name) + "=" +
                protocol::percent_encode(value);
  }
  http::Headers headers;
  headers.add("Location", location);
  co_await answer_text(request.exchange, 302, "the file is at the URL of the Location field", std::move(headers));
}

using Parse = Result<Asked> (*)(const protocol::WebTarget&, bool);

io::Task<void> serve_file(FileTable& files, SharedState& shared, WebRequest request, Parse parse) {
  Result<Asked> asked = parse(request.target, request.exchange.request().method == "HEAD");
  if (!asked) co_return co_await answer_error(request.exchange, asked.error());
  FileServing serving(files, shared, request.exchange);
  co_await serving.serve(std::move(*asked));
}

io::Task<void> serve_uri(FileTable& files, SharedState& shared, WebRequest request) {
  if (request.target.path.size() == 1) co_return co_await redirect(request);
  co_await serve_file(files, shared, request, parse_uri);
}

}  // namespace

void add_file_routes(RouteTable& routes, FileTable& files, SharedState& shared) {
  const RouteHandler uri = [&files, &shared](WebRequest request) { return serve_uri(files, shared, request); };
  const RouteHandler named = [&files, &shared](WebRequest request) {
    return serve_file(files, shared, request, parse_named);
  };
  for (const char* first : {"uri", "cap"}) routes.add(first, "GET", uri);
  for (const char* first : {"file", "named"}) routes.add(first, "GET", named);
}

}  // namespace holdfast::gateway
