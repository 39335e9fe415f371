#include "holdfast/node/gateway/file_answer.h"

#include <gtest/gtest.h>

namespace holdfast::gateway {
namespace {

class FileAnswerTest : public testing::Test {
 protected:
  FileAnswerTest() {
    facts.size = 5120;
    facts.etag = "\"c-tag\"";
    facts.former = "si-";
    facts.media_type = "video/mp4";
  }
  FileAnswer ask(const std::vector<http::Headers::Field>& fields, const std::string& method = "GET") {
    http::RequestHead request;
    request.method = method;
    for (const auto& field : fields) request.headers.add(field.name, field.value);
    return plan_answer(request, facts, "B0");
  }
  static std::string_view header(const FileAnswer& answer, std::string_view name) {
    return answer.head.headers.find(name).value_or("(none)");
  }
  FileFacts facts;
};

TEST_F(FileAnswerTest, AWholeFileHasAllThatAClientNeedsToGoOn) {
  facts.disposition = "attachment; filename=\"x\"";
  const FileAnswer answer = ask({});
  EXPECT_EQ(answer.head.status, 200u);
  EXPECT_EQ(answer.length, 5120u);
  ASSERT_EQ(answer.parts.size(), 1u);
  EXPECT_EQ(answer.parts[0].range, (Range{0, 5120}));
  EXPECT_EQ(header(answer, "ETag"), "\"c-tag\"");
  EXPECT_EQ(header(answer, "Accept-Ranges"), "bytes");
  EXPECT_EQ(header(answer, "Cache-Control"), "private, max-age=31536000, immutable, no-transform");
  EXPECT_EQ(header(answer, "Content-Type"), "video/mp4");
  EXPECT_EQ(header(answer, "Content-Disposition"), "attachment; filename=\"x\"");
  EXPECT_EQ(header(answer, "Content-Security-Policy"), "sandbox");
  EXPECT_EQ(header(answer, "Content-Range"), "(none)");
  EXPECT_EQ(header(answer, "Content-Encoding"), "(none)");
  EXPECT_EQ(header(answer, "Repr-Digest"), "(none)") << "what is not known is not told";
}

TEST_F(FileAnswerTest, HeadTellsWhatGetWould) {
  const FileAnswer get = ask({}), head = ask({}, "HEAD"), ranged = ask({{"Range", "bytes=0-9"}}, "HEAD");
  EXPECT_TRUE(head.parts.empty());
  EXPECT_EQ(head.length, get.length);
  for (const auto* each : {&head, &ranged}) {
    EXPECT_EQ(each->head.status, 200u) << "Range is for GET";
    ASSERT_EQ(each->head.headers.fields().size(), get.head.headers.fields().size());
    for (std::size_t i = 0; i < get.head.headers.fields().size(); ++i) {
      EXPECT_EQ(each->head.headers.fields()[i].name, get.head.headers.fields()[i].name);
      EXPECT_EQ(each->head.headers.fields()[i].value, get.head.headers.fields()[i].value);
    }
  }
}

TEST_F(FileAnswerTest, ARangeIsAPart) {
  const FileAnswer answer = ask({{"Range", "bytes=5110-6000"}});
  EXPECT_EQ(answer.head.status, 206u);
  EXPECT_EQ(answer.length, 10u);
  EXPECT_EQ(answer.parts[0].range, (Range{5110, 5120}));
  EXPECT_EQ(header(answer, "Content-Range"), "bytes 5110-5119/5120");
  EXPECT_EQ(header(answer, "ETag"), "\"c-tag\"");
  EXPECT_EQ(header(answer, "Cache-Control"), "private, max-age=31536000, immutable, no-transform");
  EXPECT_EQ(ask({{"Range", "bytes=0-"}}).head.status, 206u);
  EXPECT_EQ(ask({{"Range", "bytes=9-5"}}).head.status, 200u);
  EXPECT_EQ(ask({{"Range", "bytes=0-9"}, {"Range", "bytes=20-29"}}).head.status, 200u);
}

TEST_F(FileAnswerTest, NothingThatIsThereIs416) {
  const FileAnswer answer = ask({{"Range", "bytes=5120-"}});
  EXPECT_EQ(answer.head.status, 416u);
  EXPECT_EQ(answer.length, 0u);
  EXPECT_TRUE(answer.parts.empty());
  EXPECT_EQ(header(answer, "Content-Range"), "bytes */5120");
  EXPECT_EQ(header(answer, "ETag"), "\"c-tag\"");
  EXPECT_EQ(header(answer, "Cache-Control"), "no-store");
  facts.size = 0;
  EXPECT_EQ(ask({{"Range", "bytes=0-"}}).head.status, 416u);
  EXPECT_EQ(ask({}).head.status, 200u);
}

TEST_F(FileAnswerTest, SeveralRangesAreAMultipartOfComputedLength) {
  const FileAnswer answer = ask({{"Range", "bytes=0-9,1000-1019"}});
  EXPECT_EQ(answer.head.status, 206u);
  EXPECT_EQ(header(answer, "Content-Type"), "multipart/byteranges; boundary=B0");
  EXPECT_EQ(header(answer, "Content-Range"), "(none)");
  ASSERT_EQ(answer.parts.size(), 3u);
  EXPECT_EQ(answer.parts[0].before, "\r\n--B0\r\nContent-Type: video/mp4\r\nContent-Range: bytes 0-9/5120\r\n\r\n");
  EXPECT_EQ(answer.parts[0].range, (Range{0, 10}));
  EXPECT_EQ(answer.parts[1].range, (Range{1000, 1020}));
  EXPECT_EQ(answer.parts[2].before, "\r\n--B0--\r\n");
  EXPECT_EQ(answer.length,
            answer.parts[0].before.size() + 10 + answer.parts[1].before.size() + 20 + answer.parts[2].before.size());
  EXPECT_EQ(header(ask({{"Range", "bytes=0-9,20-29"}}), "Content-Range"), "bytes 0-29/5120") << "near enough to be one";
}

TEST_F(FileAnswerTest, ConditionsComeBeforeRanges) {
  const FileAnswer unchanged = ask({{"If-None-Match", "\"c-tag\""}, {"Range", "bytes=0-9"}});
  EXPECT_EQ(unchanged.head.status, 304u);
  EXPECT_EQ(unchanged.length, 5120u) << "as the 200 would have had";
  EXPECT_EQ(header(unchanged, "ETag"), "\"c-tag\"");
  EXPECT_EQ(ask({{"If-None-Match", "si-"}}, "HEAD").head.status, 304u) << "what Tahoe-LAFS sent";
  EXPECT_EQ(ask({{"If-Match", "\"other\""}, {"Range", "bytes=0-9"}}).head.status, 412u);
  EXPECT_EQ(ask({{"If-Match", "\"c-tag\""}, {"Range", "bytes=0-9"}}).head.status, 206u);
  EXPECT_EQ(ask({{"If-Match", "\"x\""}, {"If-None-Match", "*"}}).head.status, 412u);
  EXPECT_EQ(ask({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).head.status, 200u);
}

TEST_F(FileAnswerTest, IfRangeOfAnotherTagGetsTheWholeFile) {
  EXPECT_EQ(ask({{"Range", "bytes=0-9"}, {"If-Range", "\"c-tag\""}}).head.status, 206u);
  for (const char* other : {"\"x\"", "W/\"c-tag\"", "Sun, 06 Nov 1994 08:49:37 GMT"}) {
    EXPECT_EQ(ask({{"Range", "bytes=0-9"}, {"If-Range", other}}).head.status, 200u) << other;
  }
}

TEST_F(FileAnswerTest, AKnownDigestIsToldAndTheOldFieldWhenAskedFor) {
  facts.sha256_base64 = "abc=";
  EXPECT_EQ(header(ask({}), "Repr-Digest"), "sha-256=:abc=:");
  EXPECT_EQ(header(ask({{"Range", "bytes=0-9"}}), "Repr-Digest"), "sha-256=:abc=:");
  EXPECT_EQ(header(ask({}), "Digest"), "(none)");
  EXPECT_EQ(header(ask({{"Want-Digest", "SHA-256"}}), "Digest"), "SHA-256=abc=");
}

}  // namespace
}  // namespace holdfast::gateway
