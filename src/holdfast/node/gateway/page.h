// The page for people: GET / and the files that it is made of, GET /static/NAME. They are in the binary; the page asks nobody
// but the gateway that served it.
#pragma once

#include "holdfast/node/gateway/page_assets.h"
#include "holdfast/node/gateway/web_routes.h"

namespace holdfast::gateway {

struct PageAnswer {
  http::ResponseHead head;
  std::string_view body;
};

/// 200, or 304 when the client has it; with gzip for those that take it. No waiting here.
PageAnswer plan_page_answer(const http::RequestHead& request, const PageAsset& asset);

/// Where a form may lead: to this path (with its query) if it is one of ours, else to the page. What a browser could take for
/// another site's URL is not.
std::string_view own_path(std::string_view said);

struct SignInAnswer {
  http::ResponseHead head;
  std::string body;
};
/// 401: the form for people who have not told the access token, or (`again`) another one. It keeps the path that was asked for, so
/// that they come there; not in a URL, for there may be a cap in it.
SignInAnswer plan_sign_in_answer(bool again, std::string_view path);

/// What has forms of its own at GET /, as the status of the node has with t=json, is added after this.
void add_page_routes(RouteTable& routes);

}  // namespace holdfast::gateway
