#include "holdfast/node/gateway/web_routes.h"

#include <algorithm>

#include "holdfast/core/protocol/web_origin.h"
#include "holdfast/node/gateway/access.h"
#include "holdfast/node/gateway/cross_origin.h"

namespace holdfast::gateway {
namespace {

constexpr std::string_view kRetryAfterSeconds = "10";

bool is_preflight(const http::RequestHead& request) {
  return request.method == "OPTIONS" && request.headers.find("Access-Control-Request-Method").has_value();
}

/// A preflight asks for what it announces.
bool changes_things(const http::RequestHead& request) {
  if (request.method == "OPTIONS") return is_preflight(request);
  return request.method != "GET" && request.method != "HEAD";
}

}  // namespace

bool WebNames::lists(std::string_view origin) const {
  return std::ranges::find(origins, origin) != origins.end();
}

void RouteTable::add(const std::string& first, const std::string& method, RouteHandler handler) {
  routes_[first][method] = std::move(handler);
}

const RouteHandler* RouteTable::find(std::string_view first, std::string_view method) const {
  const auto methods = routes_.find(first);
  if (methods == routes_.end()) return nullptr;
  auto it = methods->second.find(method);
  if (it == methods->second.end() && method == "HEAD") it = methods->second.find("GET");
  return it == methods->second.end() ? nullptr : &it->second;
}

std::string RouteTable::allowed(std::string_view first) const {
  std::string out;
  for (const auto& [method, handler] : routes_.find(first)->second) {
    if (method != "OPTIONS") out += method + ", ";
    if (method == "GET") out += "HEAD, ";
  }
  return out + "OPTIONS";
}

void add_standard_headers(http::Headers& headers, std::string_view referrer_policy) {
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("Referrer-Policy", std::string(referrer_policy));
  headers.add("X-Frame-Options", "DENY");
}

io::Task<void> answer_text(http::Exchange& exchange, unsigned status, std::string text, http::Headers headers) {
  http::ResponseHead head;
  head.status = status;
  head.headers = std::move(headers);
  head.headers.add("Content-Type", "text/plain;charset=utf-8");
  head.headers.add("Cache-Control", "no-store");
  add_standard_headers(head.headers);
  text += "\n";
  static_cast<void>(co_await exchange.respond(std::move(head), view_of(text)));
}

io::Task<void> answer_error(http::Exchange& exchange, const Error& error) {
  http::Headers headers;
  unsigned status = 500;
  std::string text = error.what;
  switch (error.code) {
    case Errc::malformed:
    case Errc::unsupported:
      status = 400;
      break;
    case Errc::not_found:
      status = 404;
      break;
    case Errc::not_enough_shares:
    case Errc::corrupt:
      status = 410;
      text = "NotEnoughSharesError: " + text;
      break;
    case Errc::unavailable:
    case Errc::timeout:
    case Errc::cancelled:
    case Errc::unauthorized:  // of the gateway, by all servers
      status = 503;
      headers.add("Retry-After", std::string(kRetryAfterSeconds));
      break;
    default:
      break;
  }
  co_await answer_text(exchange, status, std::move(text), std::move(headers));
}

namespace {

io::Task<void> answer_options(http::Exchange& exchange, http::Headers headers) {
  http::ResponseHead head;
  head.status = 204;
  head.headers = std::move(headers);
  add_standard_headers(head.headers);
  static_cast<void>(co_await exchange.respond(std::move(head), {}));
}

io::Task<void> serve(const RouteTable& routes, const WebNames& names, const AccessGate& gate, SharedState& shared,
                     http::Exchange& client) {
  const http::RequestHead& request = client.request();
  ++shared.counters.requests;
  const std::string_view host = request.headers.find("Host").value_or("");
  const auto origin = request.headers.find("Origin");
  const bool allowed = origin && names.lists(*origin);
  CrossOriginExchange exchange(client, allowed ? std::string(*origin) : "", !names.origins.empty());
  if (!protocol::host_is_ours(host, names.hosts)) {
    ++shared.counters.refused_hosts;
    co_return co_await answer_text(exchange, 421,
                                   "this gateway does not answer to that name; its operator can add it to "
                                   "[gateway] hosts in holdfast.cfg");
  }
  if (changes_things(request) && !allowed && !protocol::origin_is_ours(origin, host)) {
    ++shared.counters.refused_origins;
    co_return co_await answer_text(exchange, 403, "pages of other sites may not change things here");
  }
  if (request.target == "*") co_return co_await answer_text(exchange, 400, "the URL has no path");
  const Result<protocol::WebTarget> target = protocol::parse_web_target(request.target);
  if (!target) co_return co_await answer_error(exchange, target.error());
  const std::string_view first = target->segment(0);
  if (first == "sign-in" && target->path.size() == 1) co_return co_await gate.sign_in(exchange);
  // A preflight cannot carry a token, and learns nothing. What pages are made of is in every copy of the program, and the form to
  // sign in is made of it too.
  const bool open_to_all = request.method == "OPTIONS" || first == "static";
  if (!open_to_all && !gate.admits(request)) {
    ++shared.counters.refused_tokens;
    co_return co_await gate.refuse(exchange);
  }
  if (!routes.knows(first)) {
    // A browser takes a refused preflight for a broken network. The request behind it is told that there is no such page.
    if (is_preflight(request)) co_return co_await answer_options(exchange, {});
    co_return co_await answer_text(exchange, 404, "there is no such page here");
  }
  if (shared.context.log.enabled(io::LogLevel::debug)) {
    // Nothing behind the first segment: it is a cap.
    shared.context.log.debug(exchange.peer() + ": " + request.method + " /" + std::string(first));
  }
  const WebRequest web{exchange, *target};
  if (const RouteHandler* handler = routes.find(first, request.method)) {
    co_await (*handler)(web);
    co_return;
  }
  http::Headers headers;
  headers.add("Allow", routes.allowed(first));
  if (request.method == "OPTIONS") co_return co_await answer_options(exchange, std::move(headers));
  co_await answer_text(exchange, 405, "that cannot be done here", std::move(headers));
}

}  // namespace

http::Handler make_web_handler(const RouteTable& routes, const WebNames& names, const AccessGate& gate,
                               SharedState& shared) {
  return [&routes, &names, &gate, &shared](http::Exchange& exchange) {
    return serve(routes, names, gate, shared, exchange);
  };
}

}  // namespace holdfast::gateway
