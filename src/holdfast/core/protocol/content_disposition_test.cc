#include "holdfast/core/protocol/content_disposition.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

TEST(ContentDisposition, PlainNamesStayPlain) {
  EXPECT_EQ(content_disposition("attachment", "a.txt"), "attachment; filename=\"a.txt\"");
  EXPECT_EQ(content_disposition("inline", "two words (1).txt"), "inline; filename=\"two words (1).txt\"");
}

TEST(ContentDisposition, OtherNamesAreSaidTwice) {
  EXPECT_EQ(content_disposition("attachment", "\xc3\xa4 \xe2\x82\xac.txt"),
            "attachment; filename=\"_ _.txt\"; filename*=UTF-8''%C3%A4%20%E2%82%AC.txt");
  EXPECT_EQ(content_disposition("attachment", "a\"b"), "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b");
  EXPECT_EQ(content_disposition("attachment", "50%25"), "attachment; filename=\"50%25\"; filename*=UTF-8''50%2525");
}

TEST(ContentDisposition, NoNameIsAPathOrBreaksALine) {
  EXPECT_EQ(content_disposition("attachment", "../etc/passwd"), "attachment; filename=\".._etc_passwd\"");
  EXPECT_EQ(content_disposition("attachment", "a\\b"), "attachment; filename=\"a_b\"");
  EXPECT_EQ(content_disposition("attachment", "a\r\nSet-Cookie: x"), "attachment; filename=\"a__Set-Cookie: x\"");
  EXPECT_EQ(content_disposition("attachment", std::string_view("a\0b\x7f", 4)), "attachment; filename=\"a_b_\"");
  for (const char* name : {"", ".", ".."})
    EXPECT_EQ(content_disposition("attachment", name), "attachment; filename=\"_\"");
}

TEST(ContentDisposition, LongNamesAreCutBetweenCharacters) {
  EXPECT_EQ(content_disposition("inline", std::string(300, 'x')), "inline; filename=\"" + std::string(255, 'x') + "\"");
  std::string name(254, 'x');
  name += "\xc3\xa4";
  EXPECT_EQ(content_disposition("inline", name), "inline; filename=\"" + std::string(254, 'x') + "\"");
}

}  // namespace
}  // namespace holdfast::protocol
