#include "holdfast/core/protocol/web_origin.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

TEST(WebOrigin, AddressesAndConfiguredNamesAreOurs) {
  const std::vector<std::string> names{"files.example.org"};
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:3456", "localhost", "LOCALHOST:80", "localhost.:3456", "192.168.1.5:3456", "[::1]",
        "[::1]:3456", "[fe80::1:2]:3456", "Files.Example.Org", "files.example.org:443", "localhost:"}) {
    EXPECT_TRUE(host_is_ours(host, names)) << host;
  }
}

TEST(WebOrigin, EveryOtherNameMayHaveBeenMadeToPointHere) {
  for (const char* host : {"",
                           "evil.example",
                           "evil.example:3456",
                           "localhost.evil.example",
                           "evil-localhost",
                           "127.0.0.1.evil.example",
                           "127.0.0.1.",
                           "1.2.3",
                           "1.2.3.4.5",
                           "256.1.1.1",
                           "2130706433",
                           "0x7f.0.0.1",
                           "::1",
                           "[::1",
                           "[::1]x",
                           "[]",
                           "[localhost]",
                           "localhost:x",
                           "localhost:123456",
                           "local host",
                           "localhost,x",
                           "user@localhost",
                           ".localhost",
                           "a..b",
                           "localhost/",
                           "files.example.org"}) {
    EXPECT_FALSE(host_is_ours(host, {})) << host;
  }
}

TEST(WebOrigin, ChangesAreForOurOwnPagesAndForWhatIsNoBrowser) {
  EXPECT_TRUE(origin_is_ours(std::nullopt, "localhost:3456"));
  EXPECT_TRUE(origin_is_ours("http://localhost:3456", "localhost:3456"));
  EXPECT_TRUE(origin_is_ours("https://Localhost:3456", "localhost:3456"));
  for (const char* origin :
       {"", "null", "http://localhost", "http://localhost:3457", "http://127.0.0.1:3456", "http://evil.example",
        "localhost:3456", "file://localhost:3456", "http://localhost:3456/", "http://localhost:3456.evil.example",
        "http://", "http://localhost:3456, http://evil.example"}) {
    EXPECT_FALSE(origin_is_ours(origin, "localhost:3456")) << origin;
  }
  EXPECT_FALSE(origin_is_ours("http://", ""));
  EXPECT_FALSE(origin_is_ours("http://a b", "a b"));
}

}  // namespace
}  // namespace holdfast::protocol
