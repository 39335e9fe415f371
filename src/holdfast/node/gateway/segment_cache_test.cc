#include "holdfast/node/gateway/segment_cache.h"

#include <gtest/gtest.h>

#include "holdfast/node/gateway/media_types.h"

namespace holdfast::gateway {
namespace {

constexpr std::uint64_t kEach = kSegmentOverheadBytes;

Segment of(std::size_t size) {
  return std::make_shared<const Buffer>(size, std::uint8_t{7});
}
const Hash kOne = Hash::from(Bytes(32, 1)), kTwo = Hash::from(Bytes(32, 2));

TEST(SegmentCache, KeepsWhatWasUsedLast) {
  SegmentCache cache(100 + 2 * kEach);
  cache.put(kOne, 0, of(40));
  cache.put(kOne, 1, of(40));
  EXPECT_NE(cache.find(kOne, 0), nullptr);
  cache.put(kTwo, 0, of(40));
  EXPECT_TRUE(cache.has(kOne, 0)) << "it was read again";
  EXPECT_FALSE(cache.has(kOne, 1));
  EXPECT_TRUE(cache.has(kTwo, 0));
  EXPECT_EQ(cache.bytes(), 80 + 2 * kEach);
}

TEST(SegmentCache, TellsFilesApartAndTakesEachOnce) {
  SegmentCache cache(100 + kEach);
  const Segment segment = of(10);
  cache.put(kOne, 5, segment);
  cache.put(kOne, 5, of(10));
  EXPECT_EQ(cache.find(kOne, 5), segment);
  EXPECT_EQ(cache.find(kTwo, 5), nullptr);
  EXPECT_EQ(cache.bytes(), 10 + kEach);
}

TEST(SegmentCache, WhatIsLargerThanAllOfItDoesNotEmptyIt) {
  SegmentCache cache(100 + kEach);
  cache.put(kOne, 0, of(60));
  cache.put(kOne, 1, of(101));
  EXPECT_TRUE(cache.has(kOne, 0));
  EXPECT_FALSE(cache.has(kOne, 1));
  cache.put(kOne, 2, of(100));
  EXPECT_EQ(cache.bytes(), 100 + kEach);
}

TEST(SegmentCache, CountsWhatASegmentTakesBesideItsBytes) {
  SegmentCache cache(10 * (1 + kEach));
  for (SegmentNumber i = 0; i < 1000; ++i) cache.put(kOne, i, of(1));
  EXPECT_TRUE(cache.has(kOne, 990));
  EXPECT_FALSE(cache.has(kOne, 989));
}

TEST(MediaTypes, GoByTheExtension) {
  EXPECT_EQ(media_type_of("film.MP4"), "video/mp4");
  EXPECT_EQ(media_type_of("a.tar.gz"), "application/gzip");
  EXPECT_EQ(media_type_of("page.html"), "text/html; charset=utf-8");
  for (const char* name : {"", "unknown", ".", "mp4", "x.", "x.mp4 ", "x.nothing"}) {
    EXPECT_EQ(media_type_of(name), "application/octet-stream") << name;
  }
}

TEST(MediaTypes, HaveAsNarrowASandboxAsBrowsersShowThemIn) {
  EXPECT_EQ(sandbox_of("application/pdf"), "");
  for (const char* name : {"x.mp4", "x.wav"}) EXPECT_EQ(sandbox_of(media_type_of(name)), "sandbox allow-same-origin");
  for (const char* name : {"x.svg", "x.html", "x.xml", "x.png", "x"})
    EXPECT_EQ(sandbox_of(media_type_of(name)), "sandbox");
}

}  // namespace
}  // namespace holdfast::gateway
