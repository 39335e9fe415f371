#include "holdfast/node/gateway/page.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace holdfast::gateway {
namespace {

const PageAsset kFront{"index.html", "text/html; charset=utf-8", "abc", "<!doctype html>", "zip"};
const PageAsset kScript{"main-0123.js", "text/javascript; charset=utf-8", "def", "let a;", "zip"};

PageAnswer ask(const PageAsset& asset, std::vector<http::Headers::Field> fields = {}) {
  http::RequestHead request;
  request.method = "GET";
  for (auto& field : fields) request.headers.add(field.name, field.value);
  return plan_page_answer(request, asset);
}

std::string_view field(const auto& answer, std::string_view name) {
  return answer.head.headers.find(name).value_or("");
}

TEST(Page, IsAskedForAnewWhileItsPartsAreKept) {
  EXPECT_EQ(field(ask(kFront), "Cache-Control"), "no-cache");
  EXPECT_EQ(field(ask(kScript), "Cache-Control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(ask(kFront).body, kFront.content);
  EXPECT_EQ(field(ask(kFront), "Content-Type"), kFront.media_type);
}

TEST(Page, MayLoadNothingFromElsewhere) {
  const std::string policy(field(ask(kFront), "Content-Security-Policy"));
  for (const char* rule : {"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"})
    EXPECT_NE(policy.find(rule), std::string::npos) << rule;
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(field(ask(kFront), "Referrer-Policy"), "no-referrer");
  EXPECT_EQ(field(ask(kFront), "X-Content-Type-Options"), "nosniff");
}

TEST(Page, IsZippedForThoseWhoTakeThat) {
  for (const char* takes : {"gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "deflate,gzip"}) {
    const PageAnswer answer = ask(kScript, {{"Accept-Encoding", takes}});
    EXPECT_EQ(field(answer, "Content-Encoding"), "gzip") << takes;
    EXPECT_EQ(answer.body, kScript.zipped);
    EXPECT_EQ(field(answer, "ETag"), "\"def-gzip\"");
  }
  for (const char* does_not : {"", "br", "gzip;q=0", "gzip;q=0.000", "x-gzip2", "gzipped"}) {
    const PageAnswer answer = ask(kScript, {{"Accept-Encoding", does_not}});
    EXPECT_EQ(field(answer, "Content-Encoding"), "") << does_not;
    EXPECT_EQ(answer.body, kScript.content);
    EXPECT_EQ(field(answer, "ETag"), "\"def\"");
  }
}

TEST(Page, IsNotSentToThoseWhoHaveIt) {
  EXPECT_EQ(ask(kFront, {{"If-None-Match", "\"abc\""}}).head.status, 304U);
  EXPECT_EQ(ask(kFront, {{"If-None-Match", "\"abc\""}, {"Accept-Encoding", "gzip"}}).head.status, 200U)
      << "the plain bytes are not the zipped ones";
  EXPECT_EQ(ask(kFront, {{"If-None-Match", "\"other\""}}).head.status, 200U);
}

TEST(Page, NamesOnlyFilesThatAreInTheBinary) {
  const auto& all = page_assets();
  const auto named = [&](std::string_view name) {
    return std::find_if(all.begin(), all.end(), [name](const PageAsset& it) { return it.name == name; });
  };
  for (const std::string_view page : {"index.html", "sign-in.html", "sign-in-again.html"}) {
    const auto front = named(page);
    ASSERT_NE(front, all.end()) << page;
    constexpr std::string_view kFolder = "/static/";
    std::size_t found = 0;
    for (std::size_t at = front->content.find(kFolder); at != std::string_view::npos;
         at = front->content.find(kFolder, at + 1), ++found) {
      const std::size_t begin = at + kFolder.size();
      const std::string_view name = front->content.substr(begin, front->content.find('"', begin) - begin);
      EXPECT_NE(named(name), all.end()) << name;
    }
    EXPECT_GE(found, 3U) << page;
    EXPECT_EQ(front->content.find("{{"), std::string_view::npos) << page;
    EXPECT_EQ(front->content.find("://"), std::string_view::npos) << "nothing from elsewhere";
  }
}

TEST(Page, SaysWhatIsWrongToThoseWhoHaveTriedToSignIn) {
  const SignInAnswer first = plan_sign_in_answer(false, "/"), again = plan_sign_in_answer(true, "/");
  for (const SignInAnswer* each : {&first, &again}) {
    EXPECT_EQ(each->head.status, 401U);
    EXPECT_EQ(field(*each, "Content-Security-Policy"), field(ask(kFront), "Content-Security-Policy"));
    EXPECT_EQ(field(*each, "Cache-Control"), "no-store");
    EXPECT_EQ(field(*each, "Referrer-Policy"), "strict-origin") << "else the form comes from nowhere, and is refused";
    EXPECT_NE(each->body.find("action=\"/sign-in\""), std::string_view::npos);
  }
  EXPECT_EQ(first.body.find("role=\"alert\""), std::string_view::npos);
  EXPECT_NE(again.body.find("role=\"alert\""), std::string_view::npos);
}

TEST(Page, KeepsThePathThatWasAskedForInTheFormToSignIn) {
  const std::string body = plan_sign_in_answer(true, "/uri/URI%3ALIT%3A?a=1&b='\"<x>").body;
  EXPECT_NE(body.find("value=\"/uri/URI%3ALIT%3A?a=1&#38;b=&#39;&#34;&#60;x&#62;\">"), std::string::npos) << body;
  EXPECT_EQ(own_path("/"), "/");
  EXPECT_EQ(own_path("/status?t=json"), "/status?t=json");
  EXPECT_EQ(own_path("/" + std::string(2'047, 'a')).size(), 2'048U);
  for (const std::string_view foreign : {"", "x", "//x", "///x", "/\\x", "\\\\x", "/a\\b", " /x", "/\t/x", "/\n/x",
                                         "/a b", "/\x7f", "/\xc3\xa4", "https://x/", "javascript:x"}) {
    EXPECT_EQ(own_path(foreign), "/") << foreign;
  }
  EXPECT_EQ(own_path("/" + std::string(2'048, 'a')), "/");
}

}  // namespace
}  // namespace holdfast::gateway
