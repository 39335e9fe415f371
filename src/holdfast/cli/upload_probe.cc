#include "holdfast/cli/upload_probe.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>

#include "holdfast/cli/curl_library.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/http_fields.h"

namespace holdfast::cli {
namespace {

using Verdict = ProbeFinding::Verdict;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kUploadBytes = 8 * 1'048'576, kSentBytes = 4 * 1'048'576;
constexpr std::uint64_t kLostBytesMax = 512 * 1'024;  // what may be on its way when the link breaks
constexpr auto kStandstill = std::chrono::seconds(2);
constexpr long kPatienceSeconds = 60;

struct Answer {
  long status = 0;  // 0: none came
  std::vector<std::pair<std::string, std::string>> fields;
  std::vector<long> interim;

  std::string field(std::string_view name) const {
    for (const auto& [key, value] : fields) {
      if (protocol::same_ignoring_case(key, name)) return value;
    }
    return "";
  }
};

struct Question {
  std::string method, url;
  std::vector<std::string> headers;
  std::uint64_t announced = 0;  // length of the body
  std::uint64_t sent = 0;       // of it, before the connection stands still and is cut
};

/// One request by libcurl.
class Exchange {
 public:
  Exchange(const CurlLibrary& library, Question question)
      : library_(library), question_(std::move(question)), curl_(library.easy_init(), library.easy_cleanup) {}

  Result<Answer> perform();

 private:
  bool is_cut() const { return question_.sent < question_.announced; }

  static std::size_t give(char* out, std::size_t size, std::size_t count, void* self);
  static std::size_t take_field(char* line, std::size_t size, std::size_t count, void* self);
  static std::size_t take_body(char*, std::size_t size, std::size_t count, void*) { return size * count; }
  static int look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

  template <class Value>
  void set(CURLoption option, Value value) {
    library_.easy_setopt(curl_.get(), option, value);
  }

  const CurlLibrary& library_;
  const Question question_;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  Answer answer_;
  std::uint64_t given_ = 0;
  std::optional<Clock::time_point> stands_since_;
};

std::size_t Exchange::give(char* out, std::size_t size, std::size_t count, void* self) {
  Exchange& me = *static_cast<Exchange*>(self);
  const std::uint64_t left = me.question_.sent - me.given_;
  if (left == 0 && me.is_cut()) {
    me.stands_since_ = Clock::now();
    return CURL_READFUNC_PAUSE;
  }
  const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(left, size * count));
  std::memset(out, 'h', now);
  me.given_ += now;
  return now;
}

std::size_t Exchange::take_field(char* line, std::size_t size, std::size_t count, void* self) {
  Exchange& me = *static_cast<Exchange*>(self);
  std::string_view text(line, size * count);
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  if (text.starts_with("HTTP/")) {
    protocol::take_until(text, ' ');
    const auto status = protocol::parse_decimal(protocol::take_until(text, ' '));
    if (me.answer_.status >= 100 && me.answer_.status < 200) me.answer_.interim.push_back(me.answer_.status);
    me.answer_.status = static_cast<long>(status.value_or(0));
    me.answer_.fields.clear();
  } else if (text.find(':') != std::string_view::npos) {
    const std::string_view name = protocol::take_until(text, ':');
    me.answer_.fields.emplace_back(std::string(name), std::string(protocol::trim(text)));
  }
  return size * count;
}

/// Called about once a second: ends what stands still.
int Exchange::look(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const Exchange& me = *static_cast<Exchange*>(self);
  return me.stands_since_ && Clock::now() - *me.stands_since_ > kStandstill ? 1 : 0;
}

Result<Answer> Exchange::perform() {
  if (curl_ == nullptr) return fail(Errc::io, "libcurl cannot be used");
  curl_slist* fields = library_.slist_append(nullptr, "Expect:");
  for (const std::string& each : question_.headers) fields = library_.slist_append(fields, each.c_str());
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> owned(fields, library_.slist_free_all);
  set(CURLOPT_URL, question_.url.c_str());
  set(CURLOPT_HTTPHEADER, fields);
  set(CURLOPT_CUSTOMREQUEST, question_.method.c_str());
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HEADERFUNCTION, take_field);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_TIMEOUT, kPatienceSeconds);
  set(CURLOPT_NOSIGNAL, 1L);
  if (question_.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (question_.announced > 0) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, give);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(question_.announced));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, look);
    set(CURLOPT_XFERINFODATA, this);
  }
  const CURLcode code = library_.easy_perform(curl_.get());
  if (answer_.status != 0 || (code == CURLE_ABORTED_BY_CALLBACK && stands_since_)) return answer_;
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) return fail(Errc::malformed, "that is no URL");
  return fail(Errc::unavailable, library_.easy_strerror(code));
}

class Probe {
 public:
  Probe(const CurlLibrary& library, std::string url, const std::string& token)
      : library_(library), url_(std::move(url)) {
    if (!url_.ends_with('/')) url_ += '/';
    if (!token.empty()) token_ = "Authorization: Bearer " + token;
  }

  Result<ProbeReport> run() {
    HF_TRY_VOID(discover());
    HF_TRY(const std::string upload, create());
    HF_TRY_VOID(send_and_cut(upload));
    HF_TRY_VOID(ask_for_interim());
    static_cast<void>(ask("DELETE", upload, {"Tus-Resumable: 1.0.0"}));
    return std::move(report_);
  }

 private:
  Result<Answer> ask(std::string method, std::string url, std::vector<std::string> headers, std::uint64_t announced = 0,
                     std::uint64_t sent = 0) {
    if (!token_.empty()) headers.push_back(token_);
    return Exchange(library_, {std::move(method), std::move(url), std::move(headers), announced, sent}).perform();
  }
  void find(Verdict verdict, std::string what, std::string advice = "") {
    report_.findings.push_back({verdict, std::move(what), std::move(advice)});
  }

  Result<void> discover() {
    HF_TRY(const Answer answer, ask("OPTIONS", url_ + "uploads", {}));
    if (answer.field("Tus-Version").empty()) {
      return fail(Errc::unsupported,
                  "what answers at " + url_ + "uploads is no gateway (status " + std::to_string(answer.status) + ")");
    }
    find(Verdict::fine, "a gateway answers, and takes uploads");
    return {};
  }

  Result<std::string> create() {
    HF_TRY(const Answer answer,
           ask("POST", url_ + "uploads", {"Tus-Resumable: 1.0.0", "Upload-Length: " + std::to_string(kUploadBytes)}));
    if (answer.status == 401)
      return fail(Errc::unauthorized, "the gateway wants its access token: --token-file private/gateway-token");
    const std::string location = answer.field("Location");
    if (answer.status != 201 || location.empty()) {
      return fail(Errc::unavailable, "an upload could not be begun (status " + std::to_string(answer.status) + ")");
    }
    if (location.starts_with(url_)) {
      find(Verdict::fine, "the URLs that it gives out are those that clients see");
      return location;
    }
    find(Verdict::problem, "it gives out URLs that begin with " + location.substr(0, location.find("uploads/")),
         "say public_url = " + url_ + " in section [gateway] of its holdfast.cfg");
    return url_ + "uploads/" + location.substr(location.rfind('/') + 1);
  }

  Result<void> send_and_cut(const std::string& upload) {
    HF_TRY(const Answer sent,
           ask("PATCH", upload,
               {"Tus-Resumable: 1.0.0", "Upload-Offset: 0", "Content-Type: application/offset+octet-stream"},
               kUploadBytes, kSentBytes));
    if (sent.status == 413) {
      find(Verdict::problem, "a body of 8 MiB is refused on the way",
           "lift the limit of the proxy (nginx: client_max_body_size 0)");
      return {};
    }
    if (sent.status != 0) {
      find(Verdict::problem, "half a body was answered with status " + std::to_string(sent.status),
           "something on the way does not pass PATCH on as it comes");
      return {};
    }
    HF_TRY(const Answer head, ask("HEAD", upload, {"Tus-Resumable: 1.0.0"}));
    const std::uint64_t held = protocol::parse_decimal(head.field("Upload-Offset")).value_or(0);
    if (held + kLostBytesMax >= kSentBytes) {
      find(Verdict::fine, "a link that breaks costs nothing: of " + std::to_string(kSentBytes) +
                              " bytes sent before a cut, " + std::to_string(held) + " were kept");
    } else {
      find(Verdict::problem,
           "of " + std::to_string(kSentBytes) + " bytes sent before a cut, only " + std::to_string(held) + " were kept",
           "the proxy collects bodies before it passes them on (nginx: proxy_request_buffering off)");
    }
    return {};
  }

  /// Nothing depends on it; but who takes an interim answer for the final one breaks every client that asks for them.
  Result<void> ask_for_interim() {
    HF_TRY(const Answer answer,
           ask("POST", url_ + "uploads", {"Upload-Draft-Interop-Version: 6", "Upload-Complete: ?0"}, 1, 1));
    const bool came = std::ranges::find(answer.interim, 104) != answer.interim.end();
    if (answer.status == 201 && came) find(Verdict::fine, "interim answers (104) come through");
    if (answer.status == 201 && !came)
      find(Verdict::note,
           "interim answers (104) do not come through, or are not sent behind a proxy: nothing depends on them");
    if (answer.status != 201) {
      find(Verdict::problem,
           "an interim answer is taken for the final one (status " + std::to_string(answer.status) + ")",
           "let the proxy say that it is one: proxy_set_header Via \"1.1 proxy\" keeps the gateway from sending any");
    }
    const std::string upload = answer.field("Location");
    if (!upload.empty())
      static_cast<void>(
          ask("DELETE", url_ + "uploads/" + upload.substr(upload.rfind('/') + 1), {"Tus-Resumable: 1.0.0"}));
    return {};
  }

  const CurlLibrary& library_;
  std::string url_, token_;
  ProbeReport report_;
};

}  // namespace

bool ProbeReport::good() const {
  return std::ranges::none_of(findings, [](const ProbeFinding& each) { return each.verdict == Verdict::problem; });
}

Result<ProbeReport> probe_uploads(std::string url, const std::string& token) {
  HF_TRY(const CurlLibrary* library, CurlLibrary::load());
  Probe probe(*library, std::move(url), token);
  return probe.run();
}

}  // namespace holdfast::cli
