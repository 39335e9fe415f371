#include "holdfast/core/protocol/web_target.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

using Path = std::vector<std::string>;

TEST(WebTarget, SegmentsAreSplitBeforeTheyAreDecoded) {
  const auto target = parse_web_target("/uri/URI%3ACHK:a/b%2Fc/a+b/%C3%A4/./..");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, (Path{"uri", "URI:CHK:a", "b/c", "a+b", "\xc3\xa4", ".", ".."}));
  EXPECT_FALSE(target->trailing_slash);
  EXPECT_EQ(target->segment(2), "b/c");
  EXPECT_EQ(target->segment(7), "");
}

TEST(WebTarget, ATrailingSlashIsToldFromNone) {
  EXPECT_EQ(parse_web_target("/")->path, Path{});
  EXPECT_FALSE(parse_web_target("/")->trailing_slash);
  EXPECT_EQ(parse_web_target("/uri/")->path, Path{"uri"});
  EXPECT_TRUE(parse_web_target("/uri/")->trailing_slash);
  EXPECT_TRUE(parse_web_target("/uri/?a=/")->trailing_slash);
}

TEST(WebTarget, TheFirstArgumentOfANameCounts) {
  const auto target = parse_web_target("/x?filename=a+b%2Bc%26&save=true&filename=z&&flag&=v&e=");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->argument("filename"), "a b+c&");
  EXPECT_EQ(target->argument("save"), "true");
  EXPECT_EQ(target->argument("flag"), "");
  EXPECT_EQ(target->argument("e"), "");
  EXPECT_EQ(target->argument(""), "v");
  EXPECT_EQ(target->argument("t"), std::nullopt);
  EXPECT_EQ(parse_web_target("/x?a=b?c=d")->argument("a"), "b?c=d");
}

TEST(WebTarget, WhatIsNotAUrlIsRefused) {
  for (const char* text :
       {"", "uri", "*", "//", "//x", "/uri//x", "/uri/x//", "/%", "/%2", "/%2g", "/x?%zz", "/x?a=%f"}) {
    EXPECT_FALSE(parse_web_target(text)) << text;
  }
  for (const char* text : {"/%ff", "/%c0%af", "/%e0%80%af", "/%f0%80%80%af", "/%ed%a0%80", "/%f4%90%80%80",
                           "/x?a=%c0%80", "/x?%c0%80=a", "/%c3", "/%80"}) {
    EXPECT_FALSE(parse_web_target(text)) << text << ": not UTF-8, or an overlong form of it";
  }
}

TEST(WebTarget, ThereAreLimits) {
  std::string path, arguments = "/?";
  for (std::size_t i = 0; i < kPathSegmentsMax; ++i) path += "/x";
  for (std::size_t i = 0; i < kArgumentsMax; ++i) arguments += "a&";
  EXPECT_TRUE(parse_web_target(path));
  EXPECT_FALSE(parse_web_target(path + "/x"));
  EXPECT_TRUE(parse_web_target(arguments));
  EXPECT_FALSE(parse_web_target(arguments + "b"));
}

TEST(WebTarget, Booleans) {
  for (const char* text : {"true", "T", "1", "On", " on "}) EXPECT_EQ(parse_web_boolean(text), true) << text;
  for (const char* text : {"false", "F", "0", "OFF"}) EXPECT_EQ(parse_web_boolean(text), false) << text;
  for (const char* text : {"", "yes", "2", "truee"}) {
    EXPECT_EQ(parse_web_boolean(text).error().what, "invalid boolean argument: " + std::string(text));
  }
}

}  // namespace
}  // namespace holdfast::protocol
