#include "holdfast/core/protocol/cbor.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

using test::from_hex;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::string hex_of_uint(std::uint64_t value) {
  CborWriter out;
  out.uint(value);
  return to_hex(out.take());
}

Result<std::uint64_t> read_uint(const Bytes& bytes) {
  return CborReader(bytes).uint();
}
Result<bool> read_boolean(const Bytes& bytes) {
  return CborReader(bytes).boolean();
}

/// Is this one item, and nothing after it?
bool passes(const Bytes& bytes) {
  CborReader in(bytes);
  return in.skip() && in.end();
}

Result<std::vector<std::uint64_t>> read_numbers(Result<CborReader::Container> items, CborReader& in) {
  if (!items) return tl::make_unexpected(items.error());
  std::vector<std::uint64_t> out;
  for (;;) {
    HF_TRY(const bool more, items->next());
    if (!more) return out;
    HF_TRY(const std::uint64_t value, in.uint());
    out.push_back(value);
  }
}

TEST(CborWriter, writes_the_shortest_integers) {
  EXPECT_EQ(hex_of_uint(0), "00");
  EXPECT_EQ(hex_of_uint(23), "17");
  EXPECT_EQ(hex_of_uint(24), "1818");
  EXPECT_EQ(hex_of_uint(255), "18ff");
  EXPECT_EQ(hex_of_uint(256), "190100");
  EXPECT_EQ(hex_of_uint(65'535), "19ffff");
  EXPECT_EQ(hex_of_uint(65'536), "1a00010000");
  EXPECT_EQ(hex_of_uint(0xffffffff), "1affffffff");
  EXPECT_EQ(hex_of_uint(0x100000000), "1b0000000100000000");
  EXPECT_EQ(hex_of_uint(kMax), "1bffffffffffffffff");
}

TEST(CborWriter, writes_a_set_as_tag_258_around_an_array) {
  CborWriter out;
  out.set(2);
  out.uint(1);
  out.uint(5);
  EXPECT_EQ(to_hex(out.take()), "d90102820105");
}

TEST(CborReader, takes_integers_of_any_width) {
  for (const char* hex : {"05", "1805", "190005", "1a00000005", "1b0000000000000005"}) {
    EXPECT_EQ(read_uint(from_hex(hex)), 5u) << hex;
  }
  EXPECT_EQ(read_uint(from_hex("1bffffffffffffffff")), kMax);
}

TEST(CborReader, refuses_what_is_no_unsigned_integer) {
  for (const char* hex : {"", "18", "1900", "1b00000000000000", "1c00", "1d00", "1e00", "1f", "20", "40", "60", "80",
                          "a0", "c000", "f4", "f6", "f90000", "fb0000000000000000", "ff"}) {
    EXPECT_FALSE(read_uint(from_hex(hex))) << hex;
  }
}

TEST(CborReader, knows_true_and_false_from_everything_of_their_major_type) {
  EXPECT_EQ(read_boolean(from_hex("f4")), false);
  EXPECT_EQ(read_boolean(from_hex("f5")), true);
  for (const char* hex : {"", "f6", "f7", "f8", "ff", "00", "14", "15"})
    EXPECT_FALSE(read_boolean(from_hex(hex))) << hex;
  // 20 and 21 as the argument of something else: a long simple value, a half, a float, a double.
  for (const char* hex : {"f814", "f815", "f90014", "f90015", "fa00000014", "fb0000000000000015"}) {
    EXPECT_FALSE(read_boolean(from_hex(hex))) << hex;
  }
}

TEST(CborReader, keeps_text_and_byte_strings_apart) {
  const Bytes text = from_hex("63616263");
  const Bytes bytes = from_hex("43616263");
  EXPECT_EQ(CborReader(text).text(), "abc");
  EXPECT_FALSE(CborReader(text).bytes());
  EXPECT_EQ(text_of(CborReader(bytes).bytes().value()), "abc");
  EXPECT_FALSE(CborReader(bytes).text());
}

TEST(CborReader, takes_text_only_in_utf_8_and_bytes_as_they_are) {
  const auto text = [](const char* hex) { return CborReader(Bytes(from_hex(hex))).text().has_value(); };
  EXPECT_TRUE(text("62c3bc"));
  EXPECT_TRUE(text("7f62c3bcff"));
  for (const char* hex : {"61ff", "61c3", "62c0af", "63eda080", "64f4908080", "7f61c3ff"})
    EXPECT_FALSE(text(hex)) << hex;
  const Bytes bytes = from_hex("41ff");
  EXPECT_TRUE(CborReader(bytes).bytes());
  EXPECT_TRUE(passes(from_hex("61ff"))) << "what is passed over is not read as text";
}

TEST(CborReader, takes_an_indefinite_string_of_one_chunk_only) {
  const auto text = [](const char* hex) { return CborReader(Bytes(from_hex(hex))).text().has_value(); };
  EXPECT_TRUE(text("7f63616263ff"));
  EXPECT_FALSE(text("7f6161626263ff")) << "two chunks";
  EXPECT_FALSE(text("7fff")) << "no chunk";
  EXPECT_FALSE(text("7f43616263ff")) << "a chunk of bytes in a text";
  EXPECT_FALSE(text("7f7f63616263ffff")) << "an indefinite chunk";
  EXPECT_FALSE(text("7f63616263")) << "no break";
}

TEST(CborReader, wants_tag_258_around_a_set) {
  const auto set = [](const char* hex) {
    const Bytes bytes = from_hex(hex);
    CborReader in(bytes);
    auto items = in.set();
    return read_numbers(std::move(items), in);
  };
  EXPECT_EQ(set("d90102820105"), (std::vector<std::uint64_t>{1, 5}));
  EXPECT_EQ(set("d901029f0105ff"), (std::vector<std::uint64_t>{1, 5})) << "indefinite";
  EXPECT_EQ(set("da00000102820105"), (std::vector<std::uint64_t>{1, 5})) << "a tag written long";
  EXPECT_EQ(set("d9010280"), (std::vector<std::uint64_t>{}));
  for (const char* hex :
       {"820105", "d90101820105", "d90102d90102820105", "d90102a10105", "d90102", "df80", "d9010205"}) {
    EXPECT_FALSE(set(hex)) << hex;
  }
}

TEST(CborReader, counts_the_pairs_of_a_map) {
  for (const char* hex : {"a201020304", "bf01020304ff"}) {
    const Bytes bytes = from_hex(hex);
    CborReader in(bytes);
    auto pairs = in.map().value();
    for (std::uint64_t expected = 1; pairs.next().value(); expected += 2) {
      EXPECT_EQ(in.uint(), expected);
      EXPECT_EQ(in.uint(), expected + 1);
    }
    EXPECT_TRUE(in.end());
  }
}

TEST(CborReader, allocates_nothing_for_lengths_that_are_only_claimed) {
  for (const char* hex :
       {"9b7fffffffffffffff00", "9bffffffffffffffff", "bbffffffffffffffff0000", "5bffffffffffffffff00",
        "7bffffffffffffffff61", "5a7fffffff00", "9a0000000200", "d901029bffffffffffffffff00"}) {
    const Bytes bytes = from_hex(hex);
    EXPECT_FALSE(CborReader(bytes).array()) << hex;
    EXPECT_FALSE(CborReader(bytes).set()) << hex;
    EXPECT_FALSE(CborReader(bytes).map()) << hex;
    EXPECT_FALSE(CborReader(bytes).bytes()) << hex;
    EXPECT_FALSE(CborReader(bytes).text()) << hex;
    EXPECT_FALSE(passes(bytes)) << hex;
  }
}

TEST(CborReader, believes_an_array_of_as_many_items_as_there_are_bytes) {
  EXPECT_TRUE(passes(from_hex("83010203")));
  EXPECT_FALSE(CborReader(Bytes(from_hex("84010203"))).array());
}

TEST(CborReader, passes_over_any_item) {
  for (const char* hex : {"00",
                          "1bffffffffffffffff",
                          "20",
                          "3903e7",
                          "40",
                          "43010203",
                          "60",
                          "80",
                          "83010203",
                          "9fff",
                          "9f01ff",
                          "a0",
                          "a10102",
                          "bfff",
                          "bf0102ff",
                          "c11a514b67b0",
                          "d9010280",
                          "f4",
                          "f5",
                          "f6",
                          "f7",
                          "f8ff",
                          "f93c00",
                          "fa47c35000",
                          "fb3ff199999999999a",
                          "826161a161626163",
                          "5f4101ff"}) {
    EXPECT_TRUE(passes(from_hex(hex))) << hex;
  }
}

TEST(CborReader, passes_over_nothing_that_is_not_well_formed) {
  for (const char* hex : {"",     "ff",     "1f", "3f", "df", "81", "8101ff", "9f01", "a1", "a101",   "bf01ff",
                          "bf01", "9fff00", "c1", "f8", "f9", "fc", "fd",     "fe",   "1c", "5f4101", "81ff"}) {
    EXPECT_FALSE(passes(from_hex(hex))) << hex;
  }
}

TEST(CborReader, goes_sixteen_deep_and_no_deeper) {
  for (const std::uint8_t opener : {0x81, 0x9f, 0xc1}) {
    const auto nested = [&](std::size_t depth) {
      Bytes out(depth, opener);
      out.push_back(0x00);
      if (opener == 0x9f) out.insert(out.end(), depth, 0xff);
      return out;
    };
    EXPECT_TRUE(passes(nested(15))) << int{opener};
    EXPECT_FALSE(passes(nested(16))) << int{opener};
    EXPECT_FALSE(passes(nested(1'000'000))) << int{opener};
  }
  Bytes maps(16, 0xa1);  // nested in their keys
  maps.insert(maps.end(), 17, 0x00);
  EXPECT_FALSE(passes(maps));
}

TEST(CborReader, notices_what_follows_the_message) {
  const Bytes bytes = from_hex("0100");
  CborReader in(bytes);
  EXPECT_FALSE(in.end());
  EXPECT_EQ(in.uint(), 1u);
  EXPECT_FALSE(in.end());
  EXPECT_EQ(in.uint(), 0u);
  EXPECT_TRUE(in.end());
  EXPECT_FALSE(in.uint());
}

/// Writes one random item and answers how to read it back.
std::function<void(CborReader&)> write_random(std::mt19937_64& random, CborWriter& out, unsigned depth) {
  const std::uint64_t value = random() >> random() % 64;
  const std::string text(random() % 300, static_cast<char>('a' + random() % 26));
  const auto children = [&](std::uint64_t count) {
    std::vector<std::function<void(CborReader&)>> reads;
    for (std::uint64_t i = 0; i < count; ++i) reads.push_back(write_random(random, out, depth - 1));
    return reads;
  };
  const auto expect_items = [](Result<CborReader::Container> items, CborReader& in, const auto& reads,
                               std::size_t step) {
    ASSERT_TRUE(items);
    for (std::size_t at = 0; at < reads.size(); at += step) {
      ASSERT_EQ(items->next(), true);
      for (std::size_t i = at; i < at + step; ++i) reads[i](in);
    }
    EXPECT_EQ(items->next(), false);
  };
  const std::uint64_t count = random() % 30;
  switch (random() % (depth == 0 ? 4 : 7)) {
    case 0:
      out.uint(value);
      return [value](CborReader& in) { EXPECT_EQ(in.uint(), value); };
    case 1:
      out.bytes(view_of(text));
      return [text](CborReader& in) { EXPECT_EQ(text_of(in.bytes().value()), text); };
    case 2:
      out.text(text);
      return [text](CborReader& in) { EXPECT_EQ(in.text(), text); };
    case 3:
      out.boolean(value % 2 == 1);
      return [value](CborReader& in) { EXPECT_EQ(in.boolean(), value % 2 == 1); };
    case 4: {
      out.array(count);
      return [reads = children(count), expect_items](CborReader& in) { expect_items(in.array(), in, reads, 1); };
    }
    case 5: {
      out.set(count);
      return [reads = children(count), expect_items](CborReader& in) { expect_items(in.set(), in, reads, 1); };
    }
    default: {
      out.map(count);
      return [reads = children(2 * count), expect_items](CborReader& in) { expect_items(in.map(), in, reads, 2); };
    }
  }
}

TEST(Cbor, reads_what_it_writes_and_no_prefix_of_it) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    CborWriter out;
    const auto read = write_random(random, out, 2);
    const Bytes bytes = out.take();
    CborReader in(bytes);
    read(in);
    EXPECT_TRUE(in.end());
    EXPECT_TRUE(passes(bytes));
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(random() % bytes.size()));
    EXPECT_FALSE(passes(cut));
  }
}

}  // namespace
}  // namespace holdfast::protocol
