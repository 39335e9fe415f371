// The access token of a gateway that others can reach: in a header, or in a cookie after a form; never in a URL.
#pragma once

#include "holdfast/core/base/secret.h"
#include "holdfast/edge/http/server.h"

namespace holdfast::gateway {

/// Without a token everybody is let in.
class AccessGate {
 public:
  AccessGate(Secret token, bool over_tls);

  bool admits(const http::RequestHead& request) const;
  /// 401, with a form for people.
  io::Task<void> refuse(http::Exchange& exchange) const;
  /// POST /sign-in: the form. Other methods go to the page.
  io::Task<void> sign_in(http::Exchange& exchange) const;

 private:
  io::Task<void> ask_for_token(http::Exchange& exchange, bool again, std::string path) const;

  const Secret token_;
  const std::string cookie_;  // its value: not the token itself
  const bool over_tls_;
};

}  // namespace holdfast::gateway
