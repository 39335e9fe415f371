// The published caps of Tahoe-LAFS, each from its plaintext through the whole encoder.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "holdfast/core/immutable/share_test_kit.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

std::string cap_of(const boost::json::value& each) {
  const Bytes plaintext = test::repeat_to(test::base64_field(each, "seed_b64"), test::number(each, "length"));
  const Params params = make_params(static_cast<unsigned>(test::number(each, "required")),
                                    static_cast<unsigned>(test::number(each, "total")), plaintext.size(),
                                    test::number(each, "segment_size"))
                            .value();
  const Secret convergence(test::base64_field(each, "convergence_b64"));
  const test_kit::EncodedFile made(plaintext, params, test_kit::convergent_key(plaintext, params, convergence));
  return cap::to_string(cap::Cap(made.cap()));
}

TEST(PublishedCaps, all_come_out_of_the_encoder) {
  const auto vectors = test::load_vectors("tahoe-chk-caps.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  const auto& entries = test::list(*vectors, "vectors");
  ASSERT_EQ(entries.size(), 120u);
  std::vector<std::string> caps(entries.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < entries.size(); i = next++) caps[i] = cap_of(entries[i]);
  };
  {
    const std::jthread other(work);
    work();
  }
  for (std::size_t i = 0; i < caps.size(); ++i) EXPECT_EQ(caps[i], test::text(entries[i], "expected_cap"));
}

}  // namespace
}  // namespace holdfast::immutable
