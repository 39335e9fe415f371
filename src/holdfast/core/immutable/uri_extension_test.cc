#include "holdfast/core/immutable/uri_extension.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/netstring.h"
#include "support/vectors.h"

namespace holdfast::immutable {
namespace {

const std::string kHash(32, 'h');

Bytes serialised(const std::vector<std::pair<std::string, std::string>>& fields) {
  Bytes out;
  for (const auto& [key, value] : fields) {
    append(out, key + ":");
    append_netstring(out, to_bytes(value));
  }
  return out;
}

std::string verdict(ByteView bytes, unsigned k = 3) {
  const auto parsed = parse_uri_extension(bytes, k);
  return parsed ? "fine" : std::string(to_string(parsed.error().code));
}

TEST(UriExtension, is_that_of_the_vectors) {
  const auto vectors = test::load_vectors("immutable-intermediate.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "cases")) {
    SCOPED_TRACE(test::text(each, "name"));
    const Bytes bytes = test::hex_field(each, "ueb_hex");
    EXPECT_EQ(to_hex(uri_extension_hash(bytes).view()), test::text(each, "ueb_hash_hex"));
    const auto& input = each.at("input");
    const auto k = static_cast<unsigned>(test::number(input, "required"));
    const UriExtension parsed = parse_uri_extension(bytes, k).value();
    EXPECT_EQ(parsed.segment_size, test::number(each.at("geometry"), "effective_segment_size"));
    EXPECT_EQ(to_hex(parsed.crypttext_root.view()), test::text(each, "crypttext_root_hash_hex"));
    EXPECT_EQ(to_hex(parsed.share_root.view()), test::text(each, "share_root_hash_hex"));
    EXPECT_EQ(parsed.fields.size(), 11u);
    const Geometry geometry = Geometry::create({k, static_cast<unsigned>(test::number(input, "total")),
                                                test::number(input, "length"), parsed.segment_size})
                                  .value();
    EXPECT_TRUE(check_redundant_fields(parsed, geometry));
    const UriExtensionHashes hashes{Hash::from(parsed.fields.at("crypttext_hash")), parsed.crypttext_root,
                                    parsed.share_root};
    EXPECT_EQ(encode_uri_extension(geometry, hashes), bytes);
    EXPECT_EQ(uri_extension_bytes(geometry), bytes.size());
  }
}

TEST(UriExtension, may_have_the_three_required_keys_alone_in_any_order_and_any_others_beside_them) {
  EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}, {"share_root_hash", kHash}})),
            "fine");
  EXPECT_EQ(verdict(serialised({{"share_root_hash", kHash}, {"segment_size", "300"}, {"crypttext_root_hash", kHash}})),
            "fine");
  EXPECT_EQ(verdict(serialised({{"share_root_hash", kHash},
                                {"some-Other_key", ""},
                                {"plaintext_hash", kHash},
                                {"plaintext_root_hash", kHash},
                                {"segment_size", "300"},
                                {"crypttext_root_hash", kHash}})),
            "fine");
}

TEST(UriExtension, without_a_usable_required_key_is_malformed) {
  EXPECT_EQ(verdict({}), "malformed");
  EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}})), "malformed");
  EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", kHash}, {"share_root_hash", kHash}})), "malformed");
  EXPECT_EQ(verdict(serialised({{"segment_size", "300"}, {"share_root_hash", kHash}})), "malformed");
  for (const std::string& hash : {std::string(), std::string(31, 'h'), std::string(33, 'h')}) {
    EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", hash}, {"segment_size", "300"}, {"share_root_hash", kHash}})),
              "malformed");
    EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}, {"share_root_hash", hash}})),
              "malformed");
  }
  for (const char* size : {"", "0", "301", "+300", "-300", " 300", "300 ", "3e2", "0x12c", "9999999999999999999",
                           "36893488147419103233"}) {
    EXPECT_EQ(verdict(serialised({{"crypttext_root_hash", kHash}, {"segment_size", size}, {"share_root_hash", kHash}})),
              "malformed")
        << size;
  }
}

TEST(UriExtension, with_any_byte_missing_at_its_end_is_malformed) {
  const Bytes good = serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}, {"share_root_hash", kHash}});
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(verdict(ByteView(good).first(length)), "malformed") << length;
}

TEST(UriExtension, with_a_badly_formed_field_is_malformed) {
  const std::string good(
      text_of(serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}, {"share_root_hash", kHash}})));
  ASSERT_EQ(verdict(view_of(good)), "fine");
  for (const char* field :
       {"size:1:5", "size:1:5;", "size:01:5,", "size:-1:5,", "size: 1:5,", "size:1 :5,", "size::5,", "size:2:5,",
        ":1:5,", "si ze:1:5,", "size1:1:5,", "size:99999:5,", "size:18446744073709551617:5,", "\n", "size"}) {
    EXPECT_EQ(verdict(view_of(field + good)), "malformed") << field;
    EXPECT_EQ(verdict(view_of(good + field)), "malformed") << field;
  }
  EXPECT_EQ(verdict(view_of("size:1:5," + good + "size:1:5,")), "malformed") << "a key twice";
}

TEST(UriExtension, has_less_than_2000_bytes) {
  Bytes bytes = serialised({{"crypttext_root_hash", kHash}, {"segment_size", "300"}, {"share_root_hash", kHash}});
  const std::size_t frame = std::string("x:1000:,").size();
  append(bytes, serialised({{"x", std::string(kUriExtensionBytesMax - bytes.size() - frame, 'x')}}));
  ASSERT_EQ(bytes.size(), 1999u);
  EXPECT_EQ(verdict(bytes), "fine");
  bytes.insert(bytes.begin(), 'y');
  EXPECT_EQ(bytes.size(), 2000u);
  EXPECT_EQ(verdict(bytes), "malformed");
}

TEST(UriExtension, is_wrong_for_a_verifier_when_one_redundant_field_is) {
  const Geometry geometry = Geometry::create(make_params(3, 10, 10'000, 700).value()).value();
  const UriExtension good = parse_uri_extension(encode_uri_extension(geometry, {}), 3).value();
  EXPECT_TRUE(check_redundant_fields(good, geometry));
  for (const char* key : {"codec_name", "codec_params", "needed_shares", "num_segments", "segment_size", "size",
                          "tail_codec_params", "total_shares"}) {
    UriExtension wrong = good;
    wrong.fields.at(key).back() ^= 1;
    const auto checked = check_redundant_fields(wrong, geometry);
    ASSERT_FALSE(checked) << key;
    EXPECT_EQ(checked.error().code, Errc::corrupt);
    wrong.fields.erase(key);
    EXPECT_TRUE(check_redundant_fields(wrong, geometry)) << key << " may be absent";
  }
  UriExtension wrong = good;
  wrong.fields.at("crypttext_hash").pop_back();
  EXPECT_FALSE(check_redundant_fields(wrong, geometry));
  wrong.fields.erase("crypttext_hash");
  EXPECT_TRUE(check_redundant_fields(wrong, geometry));
}

}  // namespace
}  // namespace holdfast::immutable
