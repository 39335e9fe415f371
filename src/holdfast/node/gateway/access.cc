#include "holdfast/node/gateway/access.h"

#include "holdfast/core/crypto/tagged_hash.h"
#include "holdfast/core/crypto/tags.h"
#include "holdfast/core/protocol/base64.h"
#include "holdfast/core/protocol/field_text.h"
#include "holdfast/core/protocol/percent.h"
#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {
namespace {

constexpr std::size_t kFormBytesMax = 1'024;
constexpr std::string_view kCookieName = "holdfast-access";
constexpr std::string_view kStyle =
    ":root{color-scheme:light dark}body{font:17px/1.5 system-ui,sans-serif;max-width:26rem;margin:18vh auto;"
    "padding:0 1.25rem}h1{font-size:1.4rem}input,button{font:inherit;padding:.6rem .8rem;border-radius:.4rem;"
    "border:1px solid #888;width:100%;box-sizing:border-box;margin:.4rem 0}"
    "button{background:#1d5b4f;color:#fff;border:0;cursor:pointer}";

std::string form_page(bool wrong) {
  return R"(<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">)"
         "<title>Holdfast: sign in</title><style>" +
         std::string(kStyle) + "</style></head><body><main><h1>This gateway wants its access token</h1>" +
         (wrong ? R"(<p role="alert">That is not it.</p>)" : "") +
         R"(<form method="post" action="/sign-in"><label for="t">Access token</label><input id="t" name="token" )"
         R"(type="password" autocomplete="current-password" required autofocus><button>Sign in</button></form>)"
         "<p>Its operator finds it in <code>private/gateway-token</code> of the node.</p></main></body></html>\n";
}

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

io::Task<void> AccessGate::refuse(http::Exchange& exchange, bool after_wrong_token) const {
  http::ResponseHead head;
  head.status = 401;
  head.headers.add("WWW-Authenticate", "Bearer realm=\"holdfast\"");
  const std::string_view accept = exchange.request().headers.find("Accept").value_or("");
  if (accept.find("text/html") == std::string_view::npos) {
    co_return co_await answer_text(exchange, 401, "this gateway wants its access token: Authorization: Bearer TOKEN",
                                   std::move(head.headers));
  }
  const std::string style_hash = protocol::base64_encode(crypto::sha256(view_of(kStyle)).view());
  head.headers.add("Content-Type", "text/html;charset=utf-8");
  head.headers.add("Cache-Control", "no-store");
  head.headers.add("Content-Security-Policy", "default-src 'none'; style-src 'sha256-" + style_hash +
                                                  "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  add_standard_headers(head.headers);
  const std::string body = form_page(after_wrong_token);
  static_cast<void>(co_await exchange.respond(std::move(head), view_of(body)));
}

io::Task<void> AccessGate::sign_in(http::Exchange& exchange) const {
  http::Headers out;
  out.add("Location", "/");
  if (exchange.request().method != "POST")
    co_return co_await answer_text(exchange, 303, "the page is at /", std::move(out));
  const Result<Bytes> body = co_await http::read_all(exchange.body(), kFormBytesMax);
  if (!body) co_return co_await answer_text(exchange, 400, "that is no form of ours");
  constexpr std::string_view kField = "token=";
  std::string_view form = text_of(*body);
  Result<std::string> said = std::string();
  if (form.starts_with(kField)) said = protocol::percent_decode(protocol::trim(form.substr(kField.size())));
  const bool right = said && equal_constant_time(view_of(protocol::trim(*said)), token_.reveal());
  if (!right && !token_.empty()) co_return co_await refuse(exchange, true);
  // SameSite: a page of another site that links here, or posts here, comes without it.
  if (right) {
    out.add("Set-Cookie", std::string(kCookieName) + "=" + cookie_ + "; Path=/; HttpOnly; SameSite=Strict" +
                              (over_tls_ ? "; Secure" : ""));
  }
  co_await answer_text(exchange, 303, "welcome", std::move(out));
}

}  // namespace holdfast::gateway
