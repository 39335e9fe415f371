// holdfast helper uploads: what an upload helper is doing, asked of it with the token of its node directory.
#include <cstdio>

#include <fmt/chrono.h>
#include <boost/json.hpp>

#include "holdfast/cli/commands.h"
#include "holdfast/cli/progress_line.h"
#include "holdfast/cli/say.h"
#include "holdfast/core/base/printable.h"
#include "holdfast/core/protocol/nurl.h"

namespace holdfast::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kAnswerBytesMax = 64 * 1'048'576;

/// The helper of a node directory, as its operator reaches it.
class Operator {
 public:
  static Result<Operator> open(World& world, const std::string& path) {
    const config::NodeDirectory directory(world.files, path);
    HF_TRY(const std::string text, directory.read_private("helper.nurl"));
    HF_TRY(const protocol::Nurl nurl, protocol::parse_nurl(text));
    HF_TRY(std::string token, directory.read_private("operator-token"));
    HF_TRY(http::TlsClientContext tls, http::TlsClientContext::create());
    return Operator(world, nurl, std::move(token), std::move(tls));
  }

  io::Task<Result<Bytes>> ask(std::string method, std::string target) {
    http::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers.add("Holdfast-Operator", token_);
    HF_CO_TRY(const auto response, co_await client_->send(std::move(request)));
    HF_CO_TRY(Bytes body, co_await http::read_all(response->body(), kAnswerBytesMax));
    if (response->status() == 404) co_return fail(Errc::not_found, "there is no such upload");
    if (response->status() == 409)
      co_return fail(Errc::conflict, "it was given up, and nothing of it is left: its client has to send it again");
    if (response->status() >= 300)
      co_return fail(Errc::unavailable, "the helper answered " + std::to_string(response->status()));
    co_return body;
  }

 private:
  Operator(World& world, const protocol::Nurl& nurl, std::string token, http::TlsClientContext tls)
      : token_(std::move(token)), tls_(std::make_unique<http::TlsClientContext>(std::move(tls))) {
    http::ClientOptions options;
    options.host = nurl.host;
    options.port = nurl.port;
    options.pin = nurl.spki;
    client_ = http::Client::create(world.loop, *tls_, std::move(options));
  }
  std::string token_;
  std::unique_ptr<http::TlsClientContext> tls_;
  std::unique_ptr<http::Client> client_;
};

/// 0 when it is not there, or is no such number.
template <class Number = std::uint64_t>
Number number(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  boost::system::error_code problem;
  const Number out = value != nullptr ? value->to_number<Number>(problem) : Number{};
  return problem ? Number{} : out;
}

std::string text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? printable(std::string(value->as_string())) : std::string();
}

/// With their reasons, so that the list needs no log beside it.
void print_given_up(const json::object& status) {
  const json::value* list = status.if_contains("given_up");
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& each : list->as_array()) {
    if (!each.is_object()) continue;
    const json::object& one = each.as_object();
    say("{}  given up   {:>10}  {:%Y-%m-%d %H:%M}  ({})\n", text(one, "id"), format_bytes(number(one, "size")),
        fmt::localtime(number<std::time_t>(one, "at")), text(one, "reason"));
  }
}

void print_list(const json::object& status) {
  say("{} in the spool, room for {}\n", format_bytes(number(status, "bytes_held")),
      format_bytes(number(status, "space")));
  const json::value* list = status.if_contains("uploads");
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& each : list->as_array()) {
    if (!each.is_object()) continue;
    const json::object& upload = each.as_object();
    if (text(upload, "state") == "failed") continue;  // below
    say("{}  {:9}  {:>10}", text(upload, "id"), text(upload, "state"), format_bytes(number(upload, "size")));
    if (upload.contains("held")) say("  {} held", format_bytes(number(upload, "held")));
    if (const std::uint64_t total = number(upload, "total_bytes"); total > 0)
      say("  {} % pushed", number(upload, "done_bytes") * 100 / total);
    if (upload.contains("idle_seconds")) say("  idle for {}", format_seconds(number<double>(upload, "idle_seconds")));
    if (const std::string reason = text(upload, "reason"); !reason.empty()) say("  ({})", reason);
    say("\n");
  }
}

}  // namespace

io::Task<int> run_helper_uploads(World& world, GlobalOptions options, UploadsWishes wishes) {
  Result<Operator> helper = Operator::open(world, options.node_directory);
  if (!helper) {
    if (helper.error().code == Errc::not_found) {
      say(stderr, "holdfast: there is no helper in {}; -d names the node directory of one\n", options.node_directory);
    } else {
      say(stderr, "{}\n", describe(helper.error()));
    }
    co_return kFailed;
  }
  if (wishes.action == "list") {
    const Result<Bytes> answer = co_await helper->ask("GET", "/helper/v1/status");
    if (!answer) {
      say(stderr, "{}\n", describe(answer.error()));
      co_return exit_code_of(answer.error().code);
    }
    boost::system::error_code problem;
    const json::value status = json::parse(text_of(*answer), problem);
    if (problem || !status.is_object()) {
      say(stderr, "holdfast: the helper answered something else\n");
      co_return kFailed;
    }
    if (options.json) {
      std::printf("%s", std::string(text_of(*answer)).c_str());
    } else {
      print_list(status.as_object());
      print_given_up(status.as_object());
    }
    co_return kDone;
  }
  if (wishes.ids.empty()) {
    say(stderr, "holdfast: which one? `holdfast helper uploads list` shows them\n");
    co_return kUsage;
  }
  int worst = kDone;
  for (const std::string& id : wishes.ids) {
    const Result<Bytes> done = co_await helper->ask("POST", "/helper/v1/status/" + id + "?do=" + wishes.action);
    if (done) continue;
    say(stderr, "{}: {}\n", id, done.error().what);
    worst = std::max(worst, exit_code_of(done.error().code));
  }
  co_return worst;
}

}  // namespace holdfast::cli
