#include "holdfast/node/transfer/put_journal.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "holdfast/core/base/endian.h"
#include "holdfast/core/crypto/crc32c.h"
#include "support/heap_watch.h"
#include "support/seeded_random.h"

namespace holdfast::transfer {
namespace {

PutJournal sample() {
  PutJournal out;
  out.source = {"/home/a/gr\xc3\xbc\xc3\x9f.iso", 2'500'000, 1'700'000'000'123'456'789, -5, 42, 7};
  out.k = 3;
  out.happy = 7;
  out.n = 10;
  out.segment_bytes_max = 1'048'576;
  out.segment_bytes = 1'048'578;
  out.key_mode = KeyMode::random;
  out.key = cap::Key::from(Bytes(16, 1));
  out.storage_index = StorageIndex::from(Bytes(16, 2));
  out.piece_digests = {Hash::from(Bytes(32, 3)), Hash::from(Bytes(32, 4)), Hash::from(Bytes(32, 5))};
  out.started_wall_seconds = 1'700'000'500;
  return out;
}

void expect_same(const PutJournal& a, const PutJournal& b) {
  EXPECT_EQ(a.source, b.source);
  EXPECT_EQ(a.k, b.k);
  EXPECT_EQ(a.happy, b.happy);
  EXPECT_EQ(a.n, b.n);
  EXPECT_EQ(a.proof, b.proof);
  EXPECT_EQ(a.segment_bytes_max, b.segment_bytes_max);
  EXPECT_EQ(a.segment_bytes, b.segment_bytes);
  EXPECT_EQ(a.key_mode, b.key_mode);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.storage_index, b.storage_index);
  EXPECT_EQ(a.piece_digests, b.piece_digests);
  EXPECT_EQ(a.started_wall_seconds, b.started_wall_seconds);
}

/// With the checksum it should have, whatever the rest says.
Bytes sealed(Bytes bytes) {
  bytes.resize(bytes.size() - 4);
  append_be(bytes, 4, crypto::crc32c(bytes));
  return bytes;
}

bool refused(ByteView bytes) {
  const auto journal = decode_put_journal(bytes);
  return !journal && journal.error().code == Errc::malformed;
}

struct Change {
  const char* field;
  std::function<void(PutJournal&)> make;
};

const std::vector<Change> kChanges = {
    {"path", [](PutJournal& j) { j.source.path += "x"; }},
    {"empty path", [](PutJournal& j) { j.source.path.clear(); }},
    {"size", [](PutJournal& j) { ++j.source.size; }},
    {"mtime", [](PutJournal& j) { j.source.mtime_ns = -1; }},
    {"ctime", [](PutJournal& j) { ++j.source.ctime_ns; }},
    {"inode", [](PutJournal& j) { j.source.inode = ~std::uint64_t{0}; }},
    {"device", [](PutJournal& j) { ++j.source.device; }},
    {"k", [](PutJournal& j) { ++j.k; }},
    {"happy", [](PutJournal& j) { ++j.happy; }},
    {"n", [](PutJournal& j) { ++j.n; }},
    {"proof", [](PutJournal& j) { j.proof = Proof::sample; }},
    {"segment_bytes_max", [](PutJournal& j) { ++j.segment_bytes_max; }},
    {"segment_bytes", [](PutJournal& j) { ++j.segment_bytes; }},
    {"key_mode", [](PutJournal& j) { j.key_mode = KeyMode::convergent; }},
    {"key", [](PutJournal& j) { ++j.key.bytes[15]; }},
    {"storage_index", [](PutJournal& j) { ++j.storage_index.bytes[0]; }},
    {"a digest", [](PutJournal& j) { ++j.piece_digests[1].bytes[31]; }},
    {"the number of digests", [](PutJournal& j) { j.piece_digests.pop_back(); }},
    {"no digests", [](PutJournal& j) { j.piece_digests.clear(); }},
    {"started_wall_seconds", [](PutJournal& j) { j.started_wall_seconds = -1; }},
};

TEST(PutJournal, says_what_was_written) {
  expect_same(decode_put_journal(encode(sample())).value(), sample());
  expect_same(decode_put_journal(encode(PutJournal{})).value(), PutJournal{});
}

TEST(PutJournal, keeps_every_field_by_itself) {
  std::set<Bytes> seen = {encode(sample())};
  for (const Change& change : kChanges) {
    SCOPED_TRACE(change.field);
    PutJournal changed = sample();
    change.make(changed);
    const Bytes bytes = encode(changed);
    EXPECT_TRUE(seen.insert(bytes).second) << "the change is not in it";
    expect_same(decode_put_journal(bytes).value(), changed);
  }
}

TEST(PutJournal, lies_on_disk_as_its_format_says) {
  const Bytes bytes = encode(sample());
  const std::size_t path_bytes = sample().source.path.size();
  ASSERT_EQ(bytes.size(), 129 + path_bytes + 3 * 32 + 4);
  EXPECT_EQ(text_of(ByteView(bytes).first(8)), "HFPUTJ02");
  EXPECT_EQ(load_be(bytes, 8, 8), 2'500'000u);
  EXPECT_EQ(load_be(bytes, 24, 8), ~std::uint64_t{4}) << "ctime -5";
  EXPECT_EQ(load_be(bytes, 56, 4), 10u) << "N";
  EXPECT_EQ(bytes[76], 1) << "random key";
  EXPECT_EQ(load_be(bytes, 109, 8), 1'700'000'500u);
  EXPECT_EQ(load_be(bytes, 117, 4), path_bytes);
  EXPECT_EQ(load_be(bytes, 121, 8), 3u);
  EXPECT_EQ(text_of(ByteView(bytes).subspan(129, path_bytes)), sample().source.path);
}

// Those of versions that knew one proof only.
TEST(PutJournal, that_names_no_proof_means_the_full_one) {
  Bytes bytes = encode(sample());
  EXPECT_EQ(bytes[76], 1);
  EXPECT_EQ(decode_put_journal(bytes)->proof, Proof::full);
  bytes[76] = 3;
  const auto journal = decode_put_journal(sealed(bytes));
  ASSERT_TRUE(journal);
  EXPECT_EQ(journal->proof, Proof::sample);
  EXPECT_EQ(journal->key_mode, KeyMode::random);
}

TEST(PutJournal, damaged_at_any_byte_is_refused) {
  const Bytes whole = encode(sample());
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      Bytes bytes = whole;
      bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ change);
      ASSERT_TRUE(refused(bytes)) << at << " ^ " << change;
    }
  }
}

TEST(PutJournal, cut_or_longer_is_refused) {
  const Bytes whole = encode(sample());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_TRUE(refused(ByteView(whole).first(length))) << length;
  for (const std::size_t more : {1u, 4u, 31u, 32u, 512u}) {
    Bytes longer = whole;
    longer.resize(whole.size() + more);
    EXPECT_TRUE(refused(longer)) << more;
  }
}

TEST(PutJournal, cut_or_longer_is_refused_even_with_a_checksum_that_agrees) {
  const Bytes whole = encode(sample());
  for (std::size_t length = 4; length < whole.size(); ++length) {
    EXPECT_TRUE(refused(sealed(to_bytes(ByteView(whole).first(length))))) << length;
  }
  for (const std::size_t more : {1u, 4u, 31u, 32u, 512u}) {
    Bytes longer = whole;
    longer.resize(whole.size() + more);
    EXPECT_TRUE(refused(sealed(longer))) << more;
  }
}

TEST(PutJournal, that_contradicts_itself_is_refused) {
  const auto with = [](std::size_t at, std::size_t width, std::uint64_t value) {
    Bytes bytes = encode(sample());
    Bytes field;
    append_be(field, width, value);
    std::copy(field.begin(), field.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return sealed(std::move(bytes));
  };
  for (const std::uint64_t mode : {0u, 1u, 2u, 3u}) EXPECT_FALSE(refused(with(76, 1, mode))) << mode;
  for (const std::uint64_t mode : {4u, 5u, 128u}) EXPECT_TRUE(refused(with(76, 1, mode))) << "a mode of the future";
  const std::uint64_t path_bytes = sample().source.path.size();
  EXPECT_FALSE(refused(with(117, 4, path_bytes)));
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, path_bytes - 1, path_bytes + 1, path_bytes + 32, std::uint64_t{0xffffffff}}) {
    EXPECT_TRUE(refused(with(117, 4, wrong))) << wrong;
  }
  EXPECT_FALSE(refused(with(121, 8, 3)));
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{4}, std::uint64_t{3} << 59,
                                    (std::uint64_t{1} << 59) + 3, ~std::uint64_t{0}}) {
    EXPECT_TRUE(refused(with(121, 8, wrong))) << wrong;
  }
  // A path that ends behind the journal, and as many digests as the difference, below zero, would have room for.
  Bytes wrapping = with(117, 4, path_bytes + 3 * 32 + 32);
  Bytes digests;
  append_be(digests, 8, (std::uint64_t{1} << 59) - 1);
  std::copy(digests.begin(), digests.end(), wrapping.begin() + 121);
  EXPECT_TRUE(refused(sealed(wrapping)));
  EXPECT_TRUE(refused(with(0, 8, load_be(view_of("HFPUTJ01"), 0, 8)))) << "an older format";
}

TEST(PutJournal, of_noise_is_refused) {
  test::SeededRandom random(1);
  for (int round = 0; round < 2'000; ++round) {
    Bytes bytes = random.bytes(4 + random.below(400));
    EXPECT_TRUE(refused(bytes));
    const Bytes magic = to_bytes("HFPUTJ02");
    std::copy_n(magic.begin(), std::min(magic.size(), bytes.size()), bytes.begin());
    EXPECT_TRUE(refused(sealed(std::move(bytes))));
  }
}

// A key that follows from the content needs no digests: the journal of a file of any size is a few hundred bytes. With one
// made by chance it has a hash for each MiB: 32 MiB for a TiB, once in memory while it is written and once while it is read.
TEST(PutJournalOfOneTebibyte, takes_a_few_hundred_bytes_or_32_for_each_segment) {
  constexpr std::uint64_t tebibyte = std::uint64_t{1} << 40, segments = std::uint64_t{1} << 20;
  PutJournal journal = sample();
  journal.source.size = tebibyte;
  journal.key_mode = KeyMode::convergent;
  journal.piece_digests.clear();
  {
    test::HeapWatch watch;
    const Bytes bytes = encode(journal);
    expect_same(decode_put_journal(bytes).value(), journal);
    watch.look();
    EXPECT_LT(bytes.size(), 300u);
    EXPECT_LT(watch.grown(), 1'000u);
  }
  journal.key_mode = KeyMode::random;
  journal.piece_digests.resize(segments);
  for (std::size_t i = 0; i < segments; ++i) journal.piece_digests[i].bytes[i % 32] = static_cast<std::uint8_t>(i >> 5);
  const std::uint64_t digests = segments * Hash::kSize;
  Bytes bytes = encode(journal);
  EXPECT_LT(bytes.size(), digests + 300);
  EXPECT_LT(bytes.size(), kPutJournalBytesMax);
  test::HeapWatch watch;
  const PutJournal read = decode_put_journal(bytes).value();
  watch.look();
  EXPECT_LT(watch.grown(), digests + 8'192);  // an allocator may give whole pages
  EXPECT_EQ(read.piece_digests, journal.piece_digests);
}

TEST(PutJournalPath, is_one_for_each_upload_and_the_same_each_time) {
  UploadOptions options;
  const std::string path = put_journal_path("/node/transfers", "/a", options);
  EXPECT_EQ(path, put_journal_path("/node/transfers", "/a", options));
  EXPECT_TRUE(path.starts_with("/node/transfers/put-") && path.ends_with(".journal")) << path;
  EXPECT_EQ(path.size(), std::string_view("/node/transfers/put-.journal").size() + 16);
  std::set<std::string> seen = {path};
  const auto is_new = [&](const std::string& source, const UploadOptions& other) {
    return seen.insert(put_journal_path("/node/transfers", source, other)).second;
  };
  EXPECT_TRUE(is_new("/b", options));
  UploadOptions other = options;
  other.k = 4;
  EXPECT_TRUE(is_new("/a", other));
  other = options;
  other.n = 11;
  EXPECT_TRUE(is_new("/a", other));
  other = options;
  other.segment_bytes_max = 131'072;
  EXPECT_TRUE(is_new("/a", other));
  other = options;
  other.key_mode = KeyMode::random;
  EXPECT_TRUE(is_new("/a", other));
  other = options;
  other.happy = 1;
  EXPECT_FALSE(is_new("/a", other)) << "how many are enough is no other upload";
}

}  // namespace
}  // namespace holdfast::transfer
