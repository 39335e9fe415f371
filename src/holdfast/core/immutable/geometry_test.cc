#include "holdfast/core/immutable/geometry.h"

#include <gtest/gtest.h>

#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

Params wish(unsigned k, unsigned n, std::uint64_t size, std::uint64_t largest) {
  return make_params(k, n, size, largest).value();
}

TEST(Geometry, is_that_of_the_vectors) {
  const auto vectors = test::load_vectors("immutable-layout-geometry.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  const auto& cases = test::list(*vectors, "cases");
  EXPECT_EQ(cases.size(), 10u);
  for (const auto& each : cases) {
    const Params params =
        wish(static_cast<unsigned>(test::number(each, "required")), static_cast<unsigned>(test::number(each, "total")),
             test::number(each, "size"), test::number(each, "max_segment_size"));
    SCOPED_TRACE(params.size);
    const Geometry geometry = Geometry::create(params).value();
    EXPECT_EQ(geometry.segment_size(), test::number(each, "effective_segment_size"));
    EXPECT_EQ(geometry.num_segments(), test::number(each, "num_segments"));
    EXPECT_EQ(geometry.block_size(), test::number(each, "block_size"));
    EXPECT_EQ(geometry.tail_size(), test::number(each, "tail_size"));
    EXPECT_EQ(geometry.tail_padded(), test::number(each, "tail_padded"));
    EXPECT_EQ(geometry.tail_block(), test::number(each, "tail_block_size"));
    EXPECT_EQ(geometry.share_data(), test::number(each, "share_data_size"));
  }
}

TEST(Geometry, rounds_the_segment_up_to_k_so_that_one_byte_more_than_the_maximum_is_still_one_segment) {
  EXPECT_EQ(wish(3, 10, 131'073, 131'072).segment_size, 131'073u);
  EXPECT_EQ(Geometry::create(wish(3, 10, 131'073, 131'072))->num_segments(), 1u);
  EXPECT_EQ(Geometry::create(wish(3, 10, 131'074, 131'072))->num_segments(), 2u);
  EXPECT_EQ(wish(3, 10, 5'000'000, 1'048'576).segment_size, 1'048'578u);
}

TEST(Geometry, cuts_every_small_file_into_parts_that_make_the_whole) {
  for (unsigned k : {1u, 2u, 3u, 7u, 71u, 256u}) {
    for (std::uint64_t largest : {1u, 2u, 5u, 64u, 1000u}) {
      for (std::uint64_t size = 1; size < 300; ++size) {
        const Geometry geometry = Geometry::create(wish(k, 256, size, largest)).value();
        std::uint64_t bytes = 0, blocks = 0;
        for (SegmentNumber s = 0; s < geometry.num_segments(); ++s) {
          ASSERT_EQ(geometry.segment_range(s).begin, bytes);
          bytes += geometry.segment_bytes(s);
          ASSERT_EQ(geometry.segment_range(s).end, bytes);
          ASSERT_GE(geometry.block_bytes(s) * k, geometry.segment_bytes(s));
          ASSERT_LT(geometry.block_bytes(s) * k - geometry.segment_bytes(s), k) << "padding less than one byte a block";
          blocks += geometry.block_bytes(s);
        }
        ASSERT_EQ(bytes, size);
        ASSERT_EQ(blocks, geometry.share_data());
        ASSERT_EQ(blocks, (size + k - 1) / k);
      }
    }
  }
}

TEST(Geometry, refuses_parameters_that_cannot_be) {
  const auto code = [](unsigned k, unsigned n, std::uint64_t size, std::uint64_t segment) {
    const auto made = Geometry::create(Params{k, n, size, segment});
    return made ? std::string("fine") : std::string(to_string(made.error().code));
  };
  EXPECT_EQ(code(3, 10, 1000, 300), "fine");
  EXPECT_EQ(code(256, 256, 1, 256), "fine");
  EXPECT_EQ(code(0, 10, 1000, 300), "malformed");
  EXPECT_EQ(code(11, 10, 1000, 330), "malformed");
  EXPECT_EQ(code(3, 257, 1000, 300), "malformed");
  EXPECT_EQ(code(3, 10, 0, 300), "malformed");
  EXPECT_EQ(code(3, 10, 1000, 0), "malformed");
  EXPECT_EQ(code(3, 10, 1000, 301), "malformed") << "not a multiple of k";
  EXPECT_EQ(code(1, 1, 1000, kSegmentBytesMax), "fine");
  EXPECT_EQ(code(1, 1, 1000, std::uint64_t{1} << 40), "malformed") << "a segment that nobody can buffer";
  EXPECT_EQ(code(1, 1, ~std::uint64_t{0}, 1'048'576), "malformed") << "sizes must fit 63 bits with their trees";
}

TEST(Geometry, refuses_wishes_that_cannot_be) {
  EXPECT_FALSE(make_params(0, 1, 1, 1));
  EXPECT_FALSE(make_params(2, 1, 1, 1));
  EXPECT_FALSE(make_params(1, 257, 1, 1));
  EXPECT_FALSE(make_params(1, 1, 0, 1));
  EXPECT_FALSE(make_params(1, 1, 1, 0));
  EXPECT_FALSE(make_params(1, 1, 1, kSegmentBytesMax + 1));
  EXPECT_FALSE(make_params(1, 1, ~std::uint64_t{0}, 1));
}

TEST(Geometry, accepts_what_make_params_makes_of_the_largest_segment) {
  const Params params = wish(255, 256, std::uint64_t{1} << 40, kSegmentBytesMax);
  EXPECT_GT(params.segment_size, kSegmentBytesMax);
  EXPECT_TRUE(Geometry::create(params).has_value());
}

}  // namespace
}  // namespace holdfast::immutable
