#include "holdfast/core/protocol/helper_paths.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

const StorageIndex kSi = StorageIndex::from(Bytes(16, 5));

TEST(HelperPaths, what_is_printed_is_parsed) {
  EXPECT_EQ(parse_helper_route(helper_version_path()).kind, HelperRouteKind::version);
  const HelperRoute file = parse_helper_route(helper_file_path(kSi) + "?wait=30");
  EXPECT_EQ(file.kind, HelperRouteKind::file);
  EXPECT_EQ(file.si, kSi);
  EXPECT_EQ(file.wait, 30u);
  const std::string target = helper_upload_path("abc") + "?digests&first=3&count=4";
  const HelperRoute upload = parse_helper_route(target);
  EXPECT_EQ(upload.kind, HelperRouteKind::upload);
  EXPECT_EQ(upload.token, "abc");
  EXPECT_TRUE(upload.digests);
  EXPECT_EQ(upload.first, 3u);
  EXPECT_EQ(upload.count, 4u);
  EXPECT_EQ(parse_helper_route("/helper/v1/uploads/abc?piece=0").piece, 0u);
  EXPECT_EQ(parse_helper_route("/helper/v1/status").kind, HelperRouteKind::status);
  EXPECT_EQ(parse_helper_route("/helper/v1/status/abc.def?do=retry").action, "retry");
  EXPECT_EQ(parse_helper_route("/metrics").kind, HelperRouteKind::metrics);
}

TEST(HelperPaths, everything_else_is_unknown) {
  const std::string si = helper_file_path(kSi);
  for (const std::string& bad : {std::string(),
                                 std::string("/"),
                                 std::string("/helper"),
                                 std::string("/helper/v1/"),
                                 std::string("/helper/v2/version"),
                                 si + "a",
                                 si + "/x",
                                 si + "?wait=",
                                 si + "?wait=-1",
                                 si + "?wait=1&wait=2",
                                 si + "?piece=1",
                                 si + "?wait=99999999999999999999",
                                 std::string("/helper/v1/chk/"),
                                 std::string("/helper/v1/chk/aaa"),
                                 std::string("/helper/v1/uploads/"),
                                 std::string("/helper/v1/uploads/ABC"),
                                 std::string("/helper/v1/uploads/a/b"),
                                 std::string("/helper/v1/uploads/a%62"),
                                 std::string("/helper/v1/uploads/a?digests=1"),
                                 std::string("/helper/v1/uploads/a?digests&digests"),
                                 "/helper/v1/uploads/" + std::string(65, 'a'),
                                 std::string("/helper/v1/status/a?do="),
                                 std::string("/helper/v1/version?x"),
                                 "/helper/v1/uploads/a?" + std::string(600, '&'),
                                 std::string("helper/v1/version"),
                                 std::string("/metrics/")})
    EXPECT_EQ(parse_helper_route(bad).kind, HelperRouteKind::unknown) << bad;
}

}  // namespace
}  // namespace holdfast::protocol
