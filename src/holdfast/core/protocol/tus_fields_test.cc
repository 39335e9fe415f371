#include "holdfast/core/protocol/tus_fields.h"

#include <gtest/gtest.h>

namespace holdfast::protocol {
namespace {

TEST(TusFields, S1_2_CountsAreDigitsOnly) {
  EXPECT_EQ(parse_tus_count("0"), 0U);
  EXPECT_EQ(parse_tus_count("0000000000000000001"), 1U);
  EXPECT_EQ(parse_tus_count("9223372036854775807"), 9223372036854775807U);
  for (const char* bad :
       {"", "-1", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "00000000000000000001", "1,1"})
    EXPECT_FALSE(parse_tus_count(bad).has_value()) << bad;
}

TEST(TusFields, S1_10_MetadataIsPairsOfKeyAndBase64) {
  const auto out = parse_tus_metadata("filename d29ybGQ=, is_draft,type  dGV4dA==");
  EXPECT_FALSE(out.has_value()) << "two blanks";
  const auto good = parse_tus_metadata("filename d29ybGQ=, is_draft ,type dGV4dA==");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->pairs.size(), 3U);
  EXPECT_EQ(good->first_of({"name", "filename"}), "world");
  EXPECT_EQ(good->first_of({"is_draft"}), "");
  EXPECT_EQ(good->first_of({"missing"}), "");
  EXPECT_TRUE(parse_tus_metadata("")->pairs.empty());
}

TEST(TusFields, S1_10_BadMetadataIsRefused) {
  std::string many, long_key(256, 'k');
  for (int i = 0; i < 65; ++i) many += (i == 0 ? "k" : ",k") + std::to_string(i);
  for (const std::string& bad :
       {std::string("a YQ==,a YQ=="), std::string("a YQ"), std::string("a !"), std::string(","), std::string("a YQ==,"),
        many, long_key, std::string("k\x7f YQ=="), std::string(17'000, 'a')})
    EXPECT_FALSE(parse_tus_metadata(bad).has_value()) << bad.substr(0, 40);
}

TEST(TusFields, S1_8_ChecksumsNameTheirAlgorithm) {
  const auto good = parse_tus_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good->algorithm, "sha1");
  EXPECT_EQ(good->digest.size(), 20U);
  for (const char* bad : {"", "sha1", "sha1 ", " Kq5s", "sha1 Kq5", "sha1  Kq5s"})
    EXPECT_FALSE(parse_tus_checksum(bad).has_value()) << bad;
}

TEST(TusFields, S1_11_ConcatIsPartialOrNamesUploads) {
  EXPECT_FALSE(parse_tus_concat("partial")->final);
  const auto final = parse_tus_concat("final;/uploads/a http://h/uploads/b");
  ASSERT_TRUE(final.has_value());
  EXPECT_EQ(final->urls, (std::vector<std::string>{"/uploads/a", "http://h/uploads/b"}));
  EXPECT_EQ(parse_tus_concat("final; /a")->urls.size(), 1U);
  for (const char* bad : {"", "final", "final;", "final; ", "Partial", "partial;"})
    EXPECT_FALSE(parse_tus_concat(bad).has_value()) << bad;
}

}  // namespace
}  // namespace holdfast::protocol
