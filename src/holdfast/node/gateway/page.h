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

/// 401: the form for people who have not told the access token, or (`again`) another one.
PageAnswer plan_sign_in_answer(bool again);

/// What has forms of its own at GET /, as the status of the node has with t=json, is added after this.
void add_page_routes(RouteTable& routes);

}  // namespace holdfast::gateway
