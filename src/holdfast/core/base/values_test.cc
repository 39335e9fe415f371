// The small words of this folder: bytes, big-endian integers, ids, results, secrets.
#include <gtest/gtest.h>

#include <set>

#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/endian.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/base/result.h"
#include "holdfast/core/base/secret.h"

namespace holdfast {
namespace {

TEST(Bytes, print_as_lower_case_hexadecimal) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x0f, 0xa5, 0xff}), "000fa5ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Bytes, compare_alike_with_and_without_constant_time) {
  const Bytes a{1, 2, 3};
  for (const Bytes& b : {Bytes{1, 2, 3}, Bytes{1, 2, 4}, Bytes{0, 2, 3}, Bytes{1, 2}, Bytes{}}) {
    EXPECT_EQ(equal(a, b), a == b);
    EXPECT_EQ(equal_constant_time(a, b), a == b);
  }
  EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Endian, stores_the_most_significant_byte_first) {
  Bytes bytes(4, 0xee);
  store_be(bytes, 1, 2, 0x1234);
  EXPECT_EQ(to_hex(bytes), "ee1234ee");
  EXPECT_EQ(load_be(bytes, 1, 2), 0x1234u);
  append_be(bytes, 8, 0x0102030405060708);
  EXPECT_EQ(to_hex(bytes), "ee1234ee0102030405060708");
  EXPECT_EQ(load_be(bytes, 4, 8), 0x0102030405060708u);
}

TEST(EndianDeathTest, stops_at_reads_outside) {
  const Bytes bytes(4);
  EXPECT_DEATH(load_be(bytes, 1, 4), "check failed");
  EXPECT_DEATH(load_be(bytes, ~std::size_t{0}, 1), "check failed");
}

TEST(Ids, order_by_their_bytes) {
  EXPECT_LT(StorageIndex::from(Bytes(16, 1)), StorageIndex::from(Bytes(16, 2)));
  EXPECT_EQ(StorageIndex::from(Bytes(16, 1)), StorageIndex::from(Bytes(16, 1)));
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::malformed, "an odd number");
  return value / 2;
}

Result<int> quarter(int value) {
  HF_TRY(const int once, half(value));
  HF_TRY_VOID(half(once));
  return half(once);
}

TEST(Result, passes_errors_up_and_values_on) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().code, Errc::malformed);
  EXPECT_EQ(quarter(3).error().what, "an odd number");
}

TEST(Result, tells_where_an_error_happened) {
  const Result<int> result = fail_in("reading share 3", quarter(1).error());
  EXPECT_EQ(result.error().what, "reading share 3: an odd number");
  EXPECT_EQ(to_string(result.error().code), "malformed");
}

TEST(Result, has_a_name_of_its_own_for_each_code) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(Errc::changed); ++code) names.insert(to_string(static_cast<Errc>(code)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::changed) + 1);
  EXPECT_TRUE(names.contains("corrupt") && names.contains("changed"));
}

TEST(Secret, keeps_compares_and_moves_its_bytes) {
  Secret a(Bytes{1, 2, 3});
  const Secret copy = a;
  EXPECT_EQ(a, copy);
  const Secret moved = std::move(a);
  EXPECT_EQ(moved, copy);
  EXPECT_FALSE(moved == Secret(Bytes{1, 2, 4}));
  EXPECT_EQ(to_hex(moved.reveal()), "010203");
}

TEST(Secret, is_wiped) {
  Bytes bytes{1, 2, 3};
  wipe(bytes);
  EXPECT_EQ(to_hex(bytes), "000000");
}

}  // namespace
}  // namespace holdfast
