#include "holdfast/core/cap/cap.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/cap/derive.h"
#include "support/vectors.h"

namespace holdfast::cap {
namespace {

using boost::json::value;

void expect_chk_fields(const value& each, const auto& chk) {
  EXPECT_EQ(to_hex(chk.ueb_hash.view()), test::text(each, "ueb_hash_hex"));
  EXPECT_EQ(chk.k, test::number(each, "required"));
  EXPECT_EQ(chk.n, test::number(each, "total"));
  EXPECT_EQ(chk.size, test::number(each, "size"));
}

void expect_accepted(const value& each, const Cap& cap) {
  EXPECT_EQ(kind_of(cap), test::text(each, "kind"));
  EXPECT_EQ(to_string(cap), test::text(each, "canonical"));
  EXPECT_EQ(parse_cap(to_string(cap)), cap);
  if (const auto* read = std::get_if<ChkReadCap>(&cap)) {
    expect_chk_fields(each, *read);
    EXPECT_EQ(to_hex(read->key.view()), test::text(each, "key_hex"));
    EXPECT_EQ(to_hex(weaken(*read).storage_index.view()), test::text(each, "storage_index_hex"));
    EXPECT_EQ(to_string(weaken(*read)), test::text(each, "verify_cap"));
  } else if (const auto* verify = std::get_if<ChkVerifyCap>(&cap)) {
    expect_chk_fields(each, *verify);
    EXPECT_EQ(to_hex(verify->storage_index.view()), test::text(each, "storage_index_hex"));
    EXPECT_EQ(to_string(cap), test::text(each, "verify_cap"));
  } else {
    EXPECT_EQ(to_hex(std::get<LitCap>(cap).data), test::text(each, "data_hex"));
  }
}

TEST(Cap, gets_all_verdicts_of_the_vectors) {
  const auto vectors = test::load_vectors("immutable-cap-parsing.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  const auto& cases = test::list(*vectors, "cases");
  EXPECT_EQ(cases.size(), 61u);
  for (const auto& each : cases) {
    const std::string text = test::text(each, "text");
    SCOPED_TRACE(text);
    const Cap cap = parse_cap(text);
    const bool accepted = !std::holds_alternative<UnknownCap>(cap);
    ASSERT_EQ(accepted, test::text(each, "expect") == "accept");
    if (accepted) {
      expect_accepted(each, cap);
    } else {
      EXPECT_EQ(to_string(cap), text) << "an unknown cap is kept verbatim";
      EXPECT_EQ(kind_of(cap), "unknown");
    }
  }
}

TEST(Cap, reads_and_writes_all_published_caps) {
  const auto vectors = test::load_vectors("tahoe-chk-caps.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  const auto& entries = test::list(*vectors, "vectors");
  EXPECT_EQ(entries.size(), 120u);
  for (const auto& each : entries) {
    const std::string text = test::text(each, "expected_cap");
    const Cap cap = parse_cap(text);
    ASSERT_TRUE(std::holds_alternative<ChkReadCap>(cap)) << text;
    EXPECT_EQ(to_string(cap), text);
    EXPECT_EQ(std::get<ChkReadCap>(cap).size, test::number(each, "length"));
  }
}

TEST(Cap, weakens_directories_into_directories) {
  const ChkReadCap read{.key = {}, .ueb_hash = {}, .k = 3, .n = 10, .size = 99, .directory = true};
  EXPECT_EQ(kind_of(weaken(read)), "DIR2-CHK-Verifier");
  EXPECT_EQ(parse_cap(to_string(weaken(read))), Cap(weaken(read)));
}

TEST(Cap, has_the_text_of_the_worked_example) {
  ConvergentKeyHasher hasher(1, 1, 56, Secret(Bytes(16, 'a')));
  hasher.update(Bytes(56, 'a'));
  const Key key = hasher.finish();
  EXPECT_EQ(to_hex(key.view()), "c66e2700c124ec49fbab9a5e186168db");
  EXPECT_EQ(to_string(storage_index_of(key)), "i5nhq74zw2crkop634ra4hrvzm");
  EXPECT_EQ(to_hex(storage_index_of(key).view()), "475a787f99b6851539fedf220e1e35cb");
  const auto ueb_hash = Hash::from(test::from_hex("f07e86d10706ae399a191f7a8f00863526dbe63e816cfae88fedd6b6f9e6217e"));
  const ChkReadCap cap{.key = key, .ueb_hash = ueb_hash, .k = 1, .n = 1, .size = 56};
  EXPECT_EQ(to_string(cap),
            "URI:CHK:yzxcoagbetwet65ltjpbqyli3m:6b7inuiha2xdtgqzd55i6aeggutnxzr6qfwpv2ep5xlln6pgef7a:1:1:56");
  EXPECT_EQ(convergent_tag(1, 1, 56, Secret(Bytes(16, 'a'))).size(), 85u);
}

TEST(Literal, carries_any_bytes) {
  for (std::size_t length = 0; length < 100; ++length) {
    LitCap lit{.data = Bytes(length), .directory = length % 2 == 1};
    for (std::size_t i = 0; i < length; ++i) lit.data[i] = static_cast<std::uint8_t>(i * 91 + length);
    EXPECT_EQ(parse_cap(to_string(lit)), Cap(lit));
  }
}

TEST(ConvergentKey, is_that_of_the_vectors) {
  const auto primitives = test::load_vectors("immutable-primitives.json");
  if (!primitives) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*primitives, "convergence")) {
    const std::size_t k = test::number(each, "k");
    const std::size_t n = test::number(each, "n");
    const std::uint64_t segment_size = test::number(each, "segment_size");
    const Secret secret(test::hex_field(each, "secret_hex"));
    const auto& repeat = each.at("plaintext_repeat");
    const Bytes plaintext(test::number(repeat, "count"), static_cast<std::uint8_t>(test::number(repeat, "byte")));
    EXPECT_EQ(to_hex(convergent_tag(k, n, segment_size, secret)), test::text(each, "tag_hex"));
    ConvergentKeyHasher hasher(k, n, segment_size, secret);
    hasher.update(ByteView(plaintext).first(plaintext.size() / 3));
    hasher.update(ByteView(plaintext).subspan(plaintext.size() / 3));
    EXPECT_EQ(to_hex(hasher.finish().view()), test::text(each, "key_hex"));
  }
}

TEST(ConvergentKey, is_that_of_all_published_caps) {
  const auto vectors = test::load_vectors("tahoe-chk-caps.json");
  if (!vectors) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*vectors, "vectors")) {
    const auto cap = std::get<ChkReadCap>(parse_cap(test::text(each, "expected_cap")));
    const std::uint64_t largest = std::min(test::number(each, "segment_size"), cap.size);
    const std::uint64_t segment_size = (largest + cap.k - 1) / cap.k * cap.k;
    ConvergentKeyHasher hasher(cap.k, cap.n, segment_size, Secret(test::base64_field(each, "convergence_b64")));
    hasher.update(test::repeat_to(test::base64_field(each, "seed_b64"), cap.size));
    EXPECT_EQ(hasher.finish(), cap.key) << test::text(each, "expected_cap");
  }
}

TEST(ConvergentKey, leads_to_the_storage_index_that_real_nodes_use) {
  const auto derivations = test::load_vectors("tahoe/derivations.json");
  if (!derivations) GTEST_SKIP() << test::kNoVectors;
  for (const auto& each : test::list(*derivations, "convergence")) {
    const Key key = Key::from(test::hex_field(each, "read_key_hex"));
    EXPECT_EQ(to_hex(storage_index_of(key).view()), test::text(each, "storage_index_hex"));
  }
}

}  // namespace
}  // namespace holdfast::cap
