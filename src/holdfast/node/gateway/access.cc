#include "holdfast/node/gateway/access.h"

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/web_target.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/gateway/page.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kFormBytesMax = 8'192;
constexpr io::Duration kFormTimeMax = std::chrono::seconds(10);  // whoever sends it has no token yet
constexpr std::string_view kCookieName = "holdfast-access";
constexpr std::string_view kWanted = "Bearer realm=\"holdfast\"";

std::string cookie_value(const Secret& token) {
  return token.empty() ? "" : to_hex(crypto::tagged_hash(crypto::kTagGatewayCookie, token.reveal()).view());
}

bool has_cookie(const http::RequestHead& request, const std::string& value) {
  for (std::string_view field : request.headers.find_all("Cookie")) {
    while (!field.empty()) {
      std::string_view pair = protocol::trim(protocol::take_until(field, ';'));
      const std::string_view name = protocol::take_until(pair, '=');
      if (name == kCookieName && equal_constant_time(view_of(pair), view_of(value))) return true;
    }
  }
  return false;
}

}  // namespace

AccessGate::AccessGate(Secret token, bool over_tls)
    : token_(std::move(token)), cookie_(cookie_value(token_)), over_tls_(over_tls) {}

bool AccessGate::admits(const http::RequestHead& request) const {
  if (token_.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  std::string_view field = request.headers.find("Authorization").value_or("");
  if (protocol::same_ignoring_case(field.substr(0, kBearer.size()), kBearer)) {
    field.remove_prefix(kBearer.size());
    if (equal_constant_time(view_of(protocol::trim(field)), token_.reveal())) return true;
  }
  return has_cookie(request, cookie_);
}

io::Task<void> AccessGate::refuse(http::Exchange& exchange) const {
  const http::RequestHead& request = exchange.request();
  return ask_for_token(exchange, false, request.method == "GET" ? request.target : "/");
}

io::Task<void> AccessGate::ask_for_token(http::Exchange& exchange, bool again, std::string path) const {
  const std::string_view accept = exchange.request().headers.find("Accept").value_or("");
  if (accept.find("text/html") == std::string_view::npos) {
    http::Headers headers;
    headers.add("WWW-Authenticate", std::string(kWanted));
    co_return co_await answer_text(exchange, 401, "this gateway wants its access token: Authorization: Bearer TOKEN",
                                   std::move(headers));
  }
  SignInAnswer form = plan_sign_in_answer(again, path);
  form.head.headers.add("WWW-Authenticate", std::string(kWanted));
  static_cast<void>(co_await exchange.respond(std::move(form.head), view_of(form.body)));
}

io::Task<void> AccessGate::sign_in(http::Exchange& exchange) const {
  http::Headers out;
  if (exchange.request().method != "POST") {
    out.add("Location", "/");
    co_return co_await answer_text(exchange, 303, "the page is at /", std::move(out));
  }
  const Result<Bytes> body = co_await io::with_timeout(kFormTimeMax, http::read_all(exchange.body(), kFormBytesMax));
  if (!body && body.error().code == Errc::timeout)
    co_return co_await answer_text(exchange, 408, "the form took too long to arrive");
  if (!body) co_return co_await answer_text(exchange, 400, "that is no form of ours");
  // A form is written like the arguments of a URL.
  const Result<protocol::WebTarget> form = protocol::parse_web_target("/?" + std::string(text_of(*body)));
  if (!form) co_return co_await answer_text(exchange, 400, "that is no form of ours");
  const std::string_view said = protocol::trim(form->argument("token").value_or(""));
  const std::string path(own_path(form->argument("path").value_or("/")));
  const bool right = equal_constant_time(view_of(said), token_.reveal());
  if (!right && !token_.empty()) co_return co_await ask_for_token(exchange, true, path);
  out.add("Location", path);
  // SameSite: a page of another site that links here, or posts here, comes without it.
  if (right) {
    out.add("Set-Cookie", std::string(kCookieName) + "=" + cookie_ + "; Path=/; HttpOnly; SameSite=Strict" +
                              (over_tls_ ? "; Secure" : ""));
  }
  co_await answer_text(exchange, 303, "welcome", std::move(out));
}

}  // namespace holdfast::gateway
