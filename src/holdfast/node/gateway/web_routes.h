// One table of everything that the gateway answers, and what holds for all of it: whose request it is, how errors look.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "holdfast/core/protocol/web_target.h"
#include "holdfast/edge/http/server.h"
#include "holdfast/node/gateway/shared_state.h"

namespace holdfast::gateway {

struct WebRequest {
  http::Exchange& exchange;
  const protocol::WebTarget& target;
};
/// Answers, or abandons the exchange.
using RouteHandler = std::function<io::Task<void>(WebRequest)>;

/// By the first segment of the path ("uri"; "" for "/") and the method. HEAD goes where GET goes, OPTIONS is answered where
/// nobody else does it.
class RouteTable {
 public:
  void add(const std::string& first, const std::string& method, RouteHandler handler);
  /// Nothing: no such method here.
  const RouteHandler* find(std::string_view first, std::string_view method) const;
  bool knows(std::string_view first) const { return routes_.contains(first); }
  /// "GET, HEAD, OPTIONS".
  std::string allowed(std::string_view first) const;

 private:
  std::map<std::string, std::map<std::string, RouteHandler, std::less<>>, std::less<>> routes_;
};

class AccessGate;

struct WebNames {
  std::vector<std::string> hosts;    // that Host may say, besides addresses and localhost; lower case
  std::vector<std::string> origins;  // of other sites whose pages may change things here and read answers

  bool lists(std::string_view origin) const;
};

/// The handler of the gateway's server. Host, Origin and the access token are looked at before anything else. All arguments
/// outlive it.
http::Handler make_web_handler(const RouteTable& routes, const WebNames& names, const AccessGate& gate,
                               SharedState& shared);

/// What every answer carries: no sniffing, no framing, no Referer (a URL has a cap in it).
void add_standard_headers(http::Headers& headers, std::string_view referrer_policy = "no-referrer");

/// One sentence of text/plain. `headers` are added to it.
io::Task<void> answer_text(http::Exchange& exchange, unsigned status, std::string text, http::Headers headers = {});
/// By what the error asks for. "NotEnoughSharesError: " and the like begin the text, as in Tahoe-LAFS.
io::Task<void> answer_error(http::Exchange& exchange, const Error& error);

}  // namespace holdfast::gateway
