#include "holdfast/core/protocol/storage_paths.h"

#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/base/base32.h"

namespace holdfast::protocol {
namespace {

const std::string kSi = "3bdhbte2yeszy5wabobxkhyivm";

RouteKind kind_of(const std::string& path) {
  return parse_route(path).kind;
}

TEST(Routes, are_those_of_the_protocol) {
  const std::string immutable = "/storage/v1/immutable/" + kSi;
  const std::string slot = "/storage/v1/mutable/" + kSi;
  EXPECT_EQ(kind_of("/storage/v1/version"), RouteKind::version);
  EXPECT_EQ(kind_of("/storage/v1/lease/" + kSi), RouteKind::lease);
  EXPECT_EQ(kind_of(immutable), RouteKind::allocate);
  EXPECT_EQ(kind_of(immutable + "/shares"), RouteKind::list);
  EXPECT_EQ(kind_of(immutable + "/5"), RouteKind::share);
  EXPECT_EQ(kind_of(immutable + "/5/abort"), RouteKind::abort);
  EXPECT_EQ(kind_of(immutable + "/5/corrupt"), RouteKind::corrupt);
  EXPECT_EQ(kind_of("/storage/resume/v1/" + kSi), RouteKind::resume_status);
  EXPECT_EQ(kind_of(slot + "/read-test-write"), RouteKind::mutable_read_test_write);
  EXPECT_EQ(kind_of(slot + "/shares"), RouteKind::mutable_list);
  EXPECT_EQ(kind_of(slot + "/5"), RouteKind::mutable_share);
  EXPECT_EQ(kind_of(slot + "/5/corrupt"), RouteKind::mutable_corrupt);
}

TEST(Routes, are_a_closed_set) {
  const std::string immutable = "/storage/v1/immutable/" + kSi;
  const std::string slot = "/storage/v1/mutable/" + kSi;
  for (const std::string& path : {std::string(),
                                  std::string("/"),
                                  std::string("storage/v1/version"),
                                  std::string("//storage/v1/version"),
                                  std::string("/storage/v1/version/"),
                                  std::string("/storage/v1/version?x=1"),
                                  std::string("/storage/v1"),
                                  std::string("/storage/v1/"),
                                  std::string("/storage/v1/nonexistent"),
                                  std::string("/storage/v2/version"),
                                  std::string("/v1/version"),
                                  "/storage/v2/immutable/" + kSi,
                                  std::string("/Storage/v1/version"),
                                  std::string("/storage/resume/v1"),
                                  "/storage/resume/v2/" + kSi,
                                  "/storage/resume/v1/" + kSi + "/0",
                                  "/storage/v1/lease/" + kSi + "/",
                                  "/storage/v1/lease/" + kSi + "/0",
                                  "/storage/v1/immutables/" + kSi,
                                  immutable + "/",
                                  immutable + "//5",
                                  immutable + "/5/",
                                  immutable + "/shares/",
                                  immutable + "/shares/5",
                                  immutable + "/5/abort/",
                                  immutable + "/5/delete",
                                  immutable + "/5/abort/now",
                                  immutable + "/read-test-write",
                                  immutable + "/5#x",
                                  slot,
                                  slot + "/5/abort",
                                  slot + "/read-test-write/5",
                                  immutable + "/%35",
                                  "/storage/v1/%69mmutable/" + kSi,
                                  immutable + "/../" + kSi}) {
    EXPECT_EQ(kind_of(path), RouteKind::unknown) << path;
  }
}

TEST(Routes, need_a_canonical_storage_index) {
  for (const char* si :
       {"", "tooshort", "11111111111111111111111111", "3BDHBTE2YESZY5WABOBXKHYIVM", "3bdhbte2yeszy5wabobxkhyiv",
        "3bdhbte2yeszy5wabobxkhyivmm", "3bdhbte2yeszy5wabobxkhyivb", "3bdhbte2yeszy5wabobxkhyivm="}) {
    EXPECT_EQ(kind_of(std::string("/storage/v1/immutable/") + si + "/shares"), RouteKind::unknown) << si;
    EXPECT_EQ(kind_of(std::string("/storage/v1/lease/") + si), RouteKind::unknown) << si;
    EXPECT_EQ(kind_of(std::string("/storage/resume/v1/") + si), RouteKind::unknown) << si;
  }
}

TEST(Routes, take_any_digits_as_a_share_number) {
  const auto share = [](const std::string& text) {
    return parse_route("/storage/v1/immutable/" + kSi + "/" + text).share;
  };
  EXPECT_EQ(share("0"), 0u);
  EXPECT_EQ(share("255"), 255u);
  EXPECT_EQ(share("007"), 7u);
  EXPECT_EQ(share("256"), 256u);
  EXPECT_EQ(share(std::string(100, '0') + "9"), 9u);
  EXPECT_EQ(share("18446744073709551616"), kNoSuchShare);
  EXPECT_EQ(share(std::string(100, '9')), kNoSuchShare);
  for (const char* text : {"-1", "+1", "1.0", "0x1", " 1", "1 ", "a", "share"}) {
    EXPECT_EQ(kind_of("/storage/v1/immutable/" + kSi + "/" + text), RouteKind::unknown) << text;
  }
}

TEST(Routes, are_short) {
  EXPECT_EQ(kind_of("/storage/v1/immutable/" + kSi + "/" + std::string(300, '1')), RouteKind::unknown);
  EXPECT_EQ(kind_of(std::string(1'000'000, '/')), RouteKind::unknown);
}

TEST(Routes, are_where_the_printed_paths_lead) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    StorageIndex si;
    for (std::uint8_t& byte : si.bytes) byte = static_cast<std::uint8_t>(random());
    const auto share = static_cast<ShareNumber>(random() % kSharesMax);
    const auto expect = [&](const std::string& path, RouteKind kind, bool numbered) {
      const Route route = parse_route(path);
      EXPECT_EQ(route.kind, kind) << path;
      EXPECT_EQ(route.si, si) << path;
      EXPECT_EQ(route.share, numbered ? share : 0u) << path;
    };
    expect(lease_path(si), RouteKind::lease, false);
    expect(allocate_path(si), RouteKind::allocate, false);
    expect(list_path(si), RouteKind::list, false);
    expect(share_path(si, share), RouteKind::share, true);
    expect(abort_path(si, share), RouteKind::abort, true);
    expect(corrupt_path(si, share), RouteKind::corrupt, true);
    expect(resume_status_path(si), RouteKind::resume_status, false);
  }
  EXPECT_EQ(kind_of(version_path()), RouteKind::version);
}

}  // namespace
}  // namespace holdfast::protocol
