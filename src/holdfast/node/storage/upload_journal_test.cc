#include "holdfast/node/storage/upload_journal.h"

#include <gtest/gtest.h>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"
#include "support/heap_watch.h"
#include "support/vectors.h"

namespace holdfast::storage {
namespace {

Hash hash_of(std::uint8_t byte) {
  return Hash::from(Bytes(32, byte));
}

JournalHeader sample_header() {
  return {true, 1'000'000, 1'700'000'000, hash_of(1), {hash_of(2), hash_of(3), 0}};
}

/// A journal made record by record, and what it says after each of them.
struct Growing {
  Bytes bytes = encode_journal_header(sample_header());
  std::vector<JournalContent> states;

  Growing() { note(); }
  void note() { states.push_back(decode_journal(bytes).value()); }
  void add(const Bytes& record) {
    append(bytes, record);
    note();
  }
  static Growing sample() {
    Growing out;
    out.add(encode_held({0, 512}));
    out.add(encode_held({1'000, 999'999}));
    out.add(encode_activity(1'700'000'100));
    out.add(encode_withdrawn({2'000, 3'000}));
    out.add(encode_lease_record({hash_of(4), hash_of(5), 1}));
    out.add(encode_held({2'500, 2'600}));
    return out;
  }
};

// A share of a file of 1 TiB that comes in order, or by eight writers at once: what is held is a few ranges, however many
// records said so, and a journal made short again says the same.
TEST(UploadJournalOfOneTebibyte, IsKeptInTheMemoryOfAFewRanges) {
  constexpr std::uint64_t share_bytes = 366'529'042'242, piece = 1'048'576, writers = 8;
  JournalHeader header = sample_header();
  header.allocated_size = share_bytes;
  holdfast::test::HeapWatch watch;
  Bytes journal = encode_journal_header(header);
  std::uint64_t records = 0;
  for (std::uint64_t at = 0; at < share_bytes / writers; at += piece) {
    for (std::uint64_t writer = 0; writer < writers; ++writer) {
      const std::uint64_t begin = share_bytes / writers * writer + at;
      append(journal, encode_held({begin, std::min(begin + piece, share_bytes)}));
      ++records;
    }
    if (records % 4'096 != 0) continue;
    const JournalContent content = decode_journal(journal).value();
    EXPECT_LE(content.held.ranges().size(), writers);
    journal = compact_journal(content);
    EXPECT_LT(journal.size(), 600u);
    watch.look();
    ASSERT_LT(watch.grown(), 512u * 1'024);
  }
  EXPECT_GT(records, 349'000u);
  EXPECT_EQ(decode_journal(journal).value().held, (RangeSet{{0, share_bytes}}));
}

bool same(const JournalContent& a, const JournalContent& b) {
  const auto text = [](const JournalContent& content) { return compact_journal(content); };
  return text(a) == text(b) && a.good_bytes == b.good_bytes;
}

TEST(UploadJournal, SaysWhatWasWritten) {
  const JournalContent content = Growing::sample().states.back();
  EXPECT_TRUE(content.header.resumable);
  EXPECT_EQ(content.header.allocated_size, 1'000'000u);
  EXPECT_EQ(content.header.created_wall, 1'700'000'000);
  EXPECT_EQ(content.header.at_rest_id, hash_of(1));
  EXPECT_EQ(content.header.lease.renew, hash_of(2));
  EXPECT_EQ(content.header.lease.cancel, hash_of(3));
  EXPECT_EQ(content.held, (RangeSet{{0, 512}, {1'000, 2'000}, {2'500, 2'600}, {3'000, 999'999}}));
  ASSERT_EQ(content.more_leases.size(), 1u);
  EXPECT_EQ(content.more_leases[0].renew, hash_of(4));
  EXPECT_EQ(content.more_leases[0].cancel, hash_of(5));
  EXPECT_EQ(content.more_leases[0].owner, 1u);
  EXPECT_EQ(content.last_activity_wall, 1'700'000'100);
  EXPECT_EQ(content.good_bytes, Growing::sample().bytes.size());
}

TEST(UploadJournal, LiesOnDiskAsTheSpecificationSays) {
  const Bytes header = encode_journal_header(sample_header());
  ASSERT_EQ(header.size(), 160u);
  EXPECT_EQ(text_of(ByteView(header).first(8)), "GBSPART1");
  EXPECT_EQ(to_hex(ByteView(header).subspan(8, 24)),
            "000000a0"
            "00000001"
            "00000000000f4240"
            "000000006553f100");
  EXPECT_EQ(ByteView(header)[132], 0);
  // type, length, begin, end; then CRC-32C over these.
  const Bytes record = encode_held({1, 258});
  EXPECT_EQ(to_hex(ByteView(record).first(20)),
            "01000010"
            "0000000000000001"
            "0000000000000102");
  ASSERT_EQ(record.size(), 24u);
  EXPECT_EQ(load_be(record, 20, 4), crypto::crc32c(ByteView(record).first(20)));
  EXPECT_EQ(crypto::crc32c(view_of("123456789")), 0xe3069283u);
}

TEST(UploadJournal, CompactedItSaysTheSameInFewerBytes) {
  Growing growing = Growing::sample();
  for (std::uint64_t at = 10'000; at < 20'000; at += 10) growing.add(encode_held({at, at + 10}));
  const JournalContent content = growing.states.back();
  const Bytes compact = compact_journal(content);
  EXPECT_LT(compact.size(), 500u);
  const JournalContent again = decode_journal(compact).value();
  EXPECT_EQ(compact_journal(again), compact);
  EXPECT_EQ(again.held, content.held);
  EXPECT_EQ(again.good_bytes, compact.size());
}

TEST(UploadJournal, CutAnywhereSaysWhatWasWholeBefore) {
  const Growing growing = Growing::sample();
  for (std::size_t length = 0; length < growing.bytes.size(); ++length) {
    const auto content = decode_journal(ByteView(growing.bytes).first(length));
    if (length < kJournalHeaderBytes) {
      EXPECT_FALSE(content.has_value()) << length;
      continue;
    }
    ASSERT_TRUE(content.has_value()) << length;
    std::size_t whole = 0;
    while (whole + 1 < growing.states.size() && growing.states[whole + 1].good_bytes <= length) ++whole;
    EXPECT_TRUE(same(*content, growing.states[whole])) << length;
  }
}

TEST(UploadJournal, DamagedAnywhereSaysWhatWasWholeBefore) {
  const Growing growing = Growing::sample();
  for (std::size_t at = 0; at < growing.bytes.size(); ++at) {
    for (const unsigned change : {0x01u, 0x80u, 0xffu}) {
      Bytes bytes = growing.bytes;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
      const auto content = decode_journal(bytes);
      if (at < kJournalHeaderBytes) {
        EXPECT_FALSE(content.has_value()) << at;
        continue;
      }
      ASSERT_TRUE(content.has_value()) << at;
      std::size_t whole = 0;
      while (growing.states[whole + 1].good_bytes <= at) ++whole;
      EXPECT_TRUE(same(*content, growing.states[whole])) << at << " ^ " << change;
    }
  }
}

TEST(UploadJournal, ZerosAndOldBytesBehindItAreNotRecords) {
  const Growing growing = Growing::sample();
  for (const std::size_t zeros : {1u, 8u, 24u, 512u}) {
    Bytes bytes = growing.bytes;
    bytes.resize(bytes.size() + zeros);
    append(bytes, encode_held({0, 1'000'000}));  // of an earlier life, behind the hole
    EXPECT_TRUE(same(decode_journal(bytes).value(), growing.states.back())) << zeros;
  }
}

TEST(UploadJournal, StopsAtRecordsThatMakeNoSense) {
  const auto sealed = [](Bytes record) {
    append_be(record, 4, crypto::crc32c(record));
    return record;
  };
  const std::vector<Bytes> senseless = {
      encode_held({0, 1'000'001}),                       // past the allocated size
      encode_held({10, 10}),                             // nothing
      encode_held({20, 10}),                             // reversed
      encode_withdrawn({5, 2'000'000}),                  //
      sealed(test::from_hex("09000000")),                // a type of the future
      sealed(test::from_hex("0100000800000000000000")),  // too short for its type
      sealed(test::from_hex("04000000")),
  };
  for (const Bytes& record : senseless) {
    Growing growing = Growing::sample();
    const JournalContent before = growing.states.back();
    growing.add(record);
    growing.add(encode_held({5'000, 6'000}));
    EXPECT_TRUE(same(growing.states.back(), before)) << to_hex(record);
  }
}

}  // namespace
}  // namespace holdfast::storage
