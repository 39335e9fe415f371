#include "holdfast/node/gateway/page.h"

#include <algorithm>

#include "holdfast/core/base/check.h"
#include "holdfast/core/protocol/preconditions.h"

namespace holdfast::gateway {
namespace {

constexpr std::string_view kFrontPage = "index.html";
constexpr std::string_view kSignIn = "sign-in.html", kSignInAgain = "sign-in-again.html";
constexpr std::string_view kPathField =
    "name=\"path\" type=\"hidden\" value=\"";  // of the form; kFrontPath is behind it
constexpr std::string_view kFrontPath = "/";
constexpr std::size_t kOwnPathBytesMax = 2'048;
// Scripts, styles and requests of our own alone, nothing inline, nobody's frame. data: is for pictures that the page draws.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

/// "gzip", "br, gzip;q=0.8"; not "gzip;q=0". Browsers send no other forms, and for whoever does, plain is right too.
bool takes_gzip(const http::Headers& headers) {
  for (std::string_view field : headers.find_all("Accept-Encoding")) {
    while (!field.empty()) {
      const std::size_t comma = std::min(field.find(','), field.size());
      const std::string_view coding = field.substr(0, comma);
      const std::size_t semicolon = std::min(coding.find(';'), coding.size());
      const std::string_view weight = trimmed(coding.substr(std::min(semicolon + 1, coding.size())));
      if (trimmed(coding.substr(0, semicolon)) == "gzip")
        return !weight.starts_with("q=0") || weight.find_first_of("123456789", 3) != std::string_view::npos;
      field.remove_prefix(std::min(comma + 1, field.size()));
    }
  }
  return false;
}

std::string in_attribute(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'') {
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";
    } else {
      out += c;
    }
  }
  return out;
}

const PageAsset* find_asset(std::string_view name) {
  const auto& all = page_assets();
  const auto it = std::find_if(all.begin(), all.end(), [name](const PageAsset& asset) { return asset.name == name; });
  return it == all.end() ? nullptr : &*it;
}

io::Task<void> serve_asset(WebRequest request, std::string_view name) {
  const PageAsset* asset = find_asset(name);
  if (asset == nullptr) co_return co_await answer_text(request.exchange, 404, "there is no such page here");
  PageAnswer answer = plan_page_answer(request.exchange.request(), *asset);
  static_cast<void>(co_await request.exchange.respond(std::move(answer.head), view_of(answer.body)));
}

}  // namespace

PageAnswer plan_page_answer(const http::RequestHead& request, const PageAsset& asset) {
  const bool zip = takes_gzip(request.headers);
  // A strong tag is of bytes, and these are others.
  const std::string etag = "\"" + std::string(asset.tag) + (zip ? "-gzip\"" : "\"");
  PageAnswer out;
  http::Headers& headers = out.head.headers;
  headers.add("ETag", etag);
  headers.add("Vary", "Accept-Encoding");
  headers.add("Cache-Control", asset.name == kFrontPage ? "no-cache" : "public, max-age=31536000, immutable");
  headers.add("Content-Security-Policy", std::string(kPolicy));
  add_standard_headers(headers);
  const protocol::Conditions conditions{request.headers.find_all("If-Match"),
                                        request.headers.find_all("If-None-Match")};
  out.body = zip ? asset.zipped : asset.content;
  if (protocol::judge(conditions, etag, {}) == protocol::Precondition::not_modified) {
    out.head.status = 304;
    return out;
  }
  headers.add("Content-Type", std::string(asset.media_type));
  if (zip) headers.add("Content-Encoding", "gzip");
  return out;
}

std::string_view own_path(std::string_view said) {
  const auto plain = [](char c) { return c > ' ' && c <= '~' && c != '\\'; };
  const bool ours = said.starts_with('/') && !said.starts_with("//") && said.size() <= kOwnPathBytesMax &&
                    std::ranges::all_of(said, plain);
  return ours ? said : kFrontPath;
}

SignInAnswer plan_sign_in_answer(bool again, std::string_view path) {
  const PageAsset* asset = find_asset(again ? kSignInAgain : kSignIn);
  HF_CHECK(asset != nullptr);
  SignInAnswer out;
  out.head.status = 401;
  out.head.headers.add("Content-Type", std::string(asset->media_type));
  out.head.headers.add("Cache-Control", "no-store");
  out.head.headers.add("Content-Security-Policy", std::string(kPolicy));
  // With no-referrer a browser would send the form from "Origin: null". This tells the origin alone: no path, and no cap in it.
  add_standard_headers(out.head.headers, "strict-origin");
  const std::size_t field = asset->content.find(kPathField);
  HF_CHECK(field != std::string_view::npos);
  const std::size_t value = field + kPathField.size();
  out.body = std::string(asset->content.substr(0, value)) + in_attribute(own_path(path));
  out.body += asset->content.substr(value + kFrontPath.size());
  return out;
}

void add_page_routes(RouteTable& routes) {
  routes.add("", "GET", [](WebRequest request) { return serve_asset(request, kFrontPage); });
  routes.add("static", "GET", [](WebRequest request) {
    const bool plain = request.target.path.size() == 2 && !request.target.trailing_slash;
    return serve_asset(request, plain ? request.target.segment(1) : std::string_view());
  });
}

}  // namespace holdfast::gateway
