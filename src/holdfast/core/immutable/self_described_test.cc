#include "holdfast/core/immutable/self_described.h"

#include <gtest/gtest.h>

namespace holdfast::immutable {
namespace {

Geometry made(unsigned k, std::uint64_t size, std::uint64_t segment) {
  return Geometry::create(make_params(k, 10, size, segment).value()).value();
}

UriExtension extension_of(const Geometry& geometry) {
  return parse_uri_extension(encode_uri_extension(geometry, {}), geometry.params().k).value();
}

void expect_same_shares(const Geometry& a, const Geometry& b, std::uint64_t size) {
  EXPECT_EQ(a.params().k, b.params().k) << size;
  EXPECT_EQ(a.params().n, b.params().n) << size;
  EXPECT_EQ(a.num_segments(), b.num_segments()) << size;
  EXPECT_EQ(a.block_size(), b.block_size()) << size;
  EXPECT_EQ(a.tail_block(), b.tail_block()) << size;
  EXPECT_EQ(a.share_data(), b.share_data()) << size;
}

TEST(SelfDescribed, TellsTheGeometryWithAndWithoutTheRedundantFields) {
  for (std::uint64_t size = 1; size < 60; ++size) {
    const Geometry geometry = made(3, size, 9);
    UriExtension extension = extension_of(geometry);
    EXPECT_EQ(self_described_geometry(extension)->size(), size);
    for (const char* name : {"size", "needed_shares", "total_shares"}) {
      extension.fields.erase(name);
      expect_same_shares(self_described_geometry(extension).value(), geometry, size);
    }
  }
}

TEST(SelfDescribed, SaysThatTooLittleIsSaid) {
  UriExtension extension = extension_of(made(3, 100, 9));
  for (const char* name : {"size", "num_segments"}) extension.fields.erase(name);
  EXPECT_EQ(self_described_geometry(extension).error().code, Errc::not_found);
}

TEST(SelfDescribed, RefusesNumbersThatCannotBe) {
  const auto code = [](const char* name, std::string_view value) {
    UriExtension extension = extension_of(made(3, 100, 9));
    for (const char* redundant : {"size", "needed_shares", "total_shares"}) extension.fields.erase(redundant);
    extension.fields[name] = to_bytes(value);
    const auto geometry = self_described_geometry(extension);
    return geometry ? "fine" : std::string(to_string(geometry.error().code));
  };
  EXPECT_EQ(code("num_segments", "12"), "fine");
  for (const char* value : {"", "x", "-1", "1000000000000000000", "99999999999999999"})
    EXPECT_EQ(code("num_segments", value), "corrupt") << value;
  for (const char* value : {"", "9", "9-3", "9-3-", "9-0-10", "9-11-10", "9-3-257", "9-3-10-1", "9-2-10"}) {
    EXPECT_EQ(code("codec_params", value), "corrupt") << value;
  }
  for (const char* value : {"10-3-10", "-3-10", "x-3-10"})
    EXPECT_EQ(code("tail_codec_params", value), "corrupt") << value;
}

}  // namespace
}  // namespace holdfast::immutable
