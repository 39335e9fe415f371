#include "holdfast/core/protocol/storage_messages.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "holdfast/core/protocol/cbor.h"
#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

using test::from_hex;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

// The golden bytes of storage-protocol.md 12.
constexpr char kAllocateRequest[] = "a26d73686172652d6e756d62657273d901028200016e616c6c6f63617465642d73697a651864";
constexpr char kAllocateReply[] = "a26c616c72656164792d68617665d90102810169616c6c6f6361746564d901028107";
constexpr char kWriteReply[] = "a168726571756972656481a265626567696e1063656e641830";
constexpr char kStatus[] =
    "a368636f6d706c657465d9010281016a696e636f6d706c657465a107a46e616c6c6f63617465642d73697a651830687265717569"
    "726564"
    "81a265626567696e1063656e6418306469646c65056a657870697265732d696e1a00093a7b6462757379d901028103";
constexpr char kVersion[] =
    "a2582f687474703a2f2f616c6c6d79646174612e6f72672f7461686f652f70726f746f636f6c732f73746f726167652f7631a358"
    "1c6d61"
    "78696d756d2d696d6d757461626c652d73686172652d73697a651903e8581a6d6178696d756d2d6d757461626c652d7368617265"
    "2d7369"
    "7a651b00f582a1a13410004f617661696c61626c652d73706163651903e8536170706c69636174696f6e2d76657273696f6e4378"
    "2f31";

UploadStatus golden_status() {
  UploadStatus out;
  out.complete = {1};
  out.incomplete[7] = {.allocated_size = 48, .required = {{16, 48}}, .idle_seconds = 5, .expires_in_seconds = 604'795};
  out.busy = {3};
  return out;
}

// Each message says here what all of it is, so that tests can compare two of them.
auto fields(const ServerVersion& m) {
  return std::tie(m.maximum_immutable_share_size, m.maximum_mutable_share_size, m.available_space,
                  m.application_version);
}
auto fields(const AllocateRequest& m) {
  return std::tie(m.share_numbers, m.allocated_size);
}
auto fields(const AllocateReply& m) {
  return std::tie(m.already_have, m.allocated);
}
auto fields(const UploadStatus::Partial& m) {
  return std::tie(m.allocated_size, m.required, m.idle_seconds, m.expires_in_seconds, m.writing);
}

void expect_equal(const UploadStatus& a, const UploadStatus& b) {
  EXPECT_EQ(a.complete, b.complete);
  EXPECT_EQ(a.busy, b.busy);
  ASSERT_EQ(a.incomplete.size(), b.incomplete.size());
  for (const auto& [share, partial] : a.incomplete) {
    ASSERT_TRUE(b.incomplete.contains(share));
    EXPECT_EQ(fields(partial), fields(b.incomplete.at(share)));
  }
}

Bytes text_item(std::string_view text) {
  CborWriter out;
  out.text(text);
  return out.take();
}

/// {"required": [ranges]} with a declared count, so that it can lie.
Bytes write_reply_of(const std::vector<Range>& ranges) {
  CborWriter out;
  out.map(1);
  out.text("required");
  out.array(ranges.size());
  for (const Range& range : ranges) {
    out.map(2);
    out.text("begin");
    out.uint(range.begin);
    out.text("end");
    out.uint(range.end);
  }
  return out.take();
}

Bytes share_set_of(std::size_t count, std::uint64_t first) {
  CborWriter out;
  out.set(count);
  for (std::size_t i = 0; i < count; ++i) out.uint(first + i);
  return out.take();
}

TEST(StorageMessages, have_the_golden_bytes) {
  EXPECT_EQ(to_hex(encode(AllocateRequest{.share_numbers = {0, 1}, .allocated_size = 100})), kAllocateRequest);
  EXPECT_EQ(to_hex(encode(AllocateReply{.already_have = {1}, .allocated = {7}})), kAllocateReply);
  EXPECT_EQ(to_hex(encode(WriteReply{.required = {{16, 48}}})), kWriteReply);
  EXPECT_EQ(to_hex(encode(WriteReply{})), "a168726571756972656480");
  EXPECT_EQ(to_hex(encode_share_set({1, 5})), "d90102820105");
  EXPECT_EQ(to_hex(encode_share_set({})), "d9010280");
  EXPECT_EQ(to_hex(encode(CorruptReport{.reason = "bad"})), "a166726561736f6e63626164");
  EXPECT_EQ(to_hex(encode(golden_status())), kStatus);
  const ServerVersion version{.maximum_immutable_share_size = 1000,
                              .maximum_mutable_share_size = 69'105'000'000'000'000,
                              .available_space = 1000,
                              .application_version = "x/1"};
  EXPECT_EQ(to_hex(encode(version)), kVersion);
}

TEST(StorageMessages, are_read_from_the_golden_bytes) {
  EXPECT_EQ(fields(decode_allocate_request(from_hex(kAllocateRequest)).value()),
            fields(AllocateRequest{.share_numbers = {0, 1}, .allocated_size = 100}));
  EXPECT_EQ(fields(decode_allocate_reply(from_hex(kAllocateReply)).value()),
            fields(AllocateReply{.already_have = {1}, .allocated = {7}}));
  EXPECT_EQ(decode_write_reply(from_hex(kWriteReply)).value().required, (RangeSet{{16, 48}}));
  EXPECT_EQ(decode_corrupt_report(from_hex("a166726561736f6e63626164")).value().reason, "bad");
  EXPECT_EQ(decode_share_set(from_hex("d90102820105")).value(), (ShareSet{1, 5}));
  EXPECT_EQ(decode_server_version(from_hex(kVersion)).value().maximum_mutable_share_size, 69'105'000'000'000'000u);
  expect_equal(decode_upload_status(from_hex(kStatus)).value(), golden_status());
}

TEST(StorageMessages, are_read_in_any_order_of_keys_and_with_indefinite_lengths) {
  const auto request = decode_allocate_request(
      from_hex("bf6e616c6c6f63617465642d73697a6518646d73686172652d6e756d62657273d901029f0001ffff"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->share_numbers, (ShareSet{0, 1}));
  EXPECT_EQ(request->allocated_size, 100u);
}

RangeSet random_ranges(std::mt19937_64& random) {
  RangeSet out;
  for (std::uint64_t i = random() % 20; i > 0; --i) {
    const std::uint64_t begin = random() >> (1 + random() % 62);
    out.add({begin, begin + 1 + random() % 100'000});
  }
  return out;
}

ShareSet random_shares(std::mt19937_64& random) {
  ShareSet out;
  for (std::uint64_t i = random() % 300; i > 0; --i) out.insert(static_cast<ShareNumber>(random() % kSharesMax));
  return out;
}

TEST(StorageMessages, come_back_as_they_went) {
  std::mt19937_64 random(3);
  const auto number = [&] { return random() >> random() % 64; };
  for (int round = 0; round < 200; ++round) {
    const AllocateRequest request{.share_numbers = random_shares(random), .allocated_size = number()};
    EXPECT_EQ(fields(decode_allocate_request(encode(request)).value()), fields(request));
    const AllocateReply reply{.already_have = random_shares(random), .allocated = random_shares(random)};
    EXPECT_EQ(fields(decode_allocate_reply(encode(reply)).value()), fields(reply));
    const ServerVersion version{number(), number(), number(), std::string(random() % 50, 'v')};
    EXPECT_EQ(fields(decode_server_version(encode(version)).value()), fields(version));
    const WriteReply write{.required = random_ranges(random)};
    EXPECT_EQ(decode_write_reply(encode(write)).value().required, write.required);
    UploadStatus status{.complete = random_shares(random), .incomplete = {}, .busy = random_shares(random)};
    for (ShareNumber share : random_shares(random)) {
      status.incomplete[share] = {number(), random_ranges(random), number(), number(), random_ranges(random)};
    }
    expect_equal(decode_upload_status(encode(status)).value(), status);
  }
}

TEST(StorageMessages, tell_of_at_most_256_partial_shares) {
  UploadStatus status;
  for (ShareNumber share = 0; share < kSharesMax; ++share) status.incomplete[share] = {};
  expect_equal(decode_upload_status(encode(status)).value(), status);
  status.incomplete[kSharesMax] = {};
  const auto refused = decode_upload_status(encode(status));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "more than 256 partial shares");
}

TEST(StorageMessages, cut_anywhere_are_malformed) {
  const auto refused_when_cut = [](const Bytes& whole, auto decode) {
    ASSERT_TRUE(decode(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto out = decode(ByteView(whole).first(length));
      ASSERT_FALSE(out) << length;
      EXPECT_EQ(out.error().code, Errc::malformed);
    }
    Bytes longer = whole;
    longer.push_back(0x00);
    EXPECT_FALSE(decode(longer)) << "bytes after the message";
  };
  refused_when_cut(from_hex(kAllocateRequest), decode_allocate_request);
  refused_when_cut(from_hex(kAllocateReply), decode_allocate_reply);
  refused_when_cut(from_hex(kWriteReply), decode_write_reply);
  refused_when_cut(from_hex(kStatus), decode_upload_status);
  refused_when_cut(from_hex(kVersion), decode_server_version);
  refused_when_cut(from_hex("a166726561736f6e63626164"), decode_corrupt_report);
  refused_when_cut(from_hex("d90102820105"), decode_share_set);
}

TEST(StorageMessages, want_their_sets_tagged) {
  EXPECT_FALSE(decode_share_set(from_hex("820105")));
  EXPECT_FALSE(
      decode_allocate_request(from_hex("a26d73686172652d6e756d626572738200016e616c6c6f63617465642d73697a651864")));
  EXPECT_FALSE(decode_allocate_reply(from_hex("a26c616c72656164792d68617665810169616c6c6f6361746564d901028107")));
}

TEST(StorageMessages, have_closed_maps) {
  // {"share-numbers": {0}, "allocated-size": 1, "pad": 0}
  EXPECT_FALSE(decode_allocate_request(
      from_hex("a36d73686172652d6e756d62657273d9010281006e616c6c6f63617465642d73697a65016370616400")));
  // {"required": [], "x": 0} and {"required": [{"begin": 1, "end": 2, "x": 0}]}
  EXPECT_FALSE(
      decode_write_reply(from_hex("a2687265717569726564806178"
                                  "00")));
  EXPECT_FALSE(decode_write_reply(from_hex("a168726571756972656481a365626567696e0163656e6402617800")));
  EXPECT_FALSE(decode_corrupt_report(from_hex("a266726561736f6e63626164617800")));
}

TEST(StorageMessages, lack_no_key_and_have_none_twice) {
  EXPECT_FALSE(decode_allocate_request(from_hex("a0")));
  EXPECT_FALSE(decode_allocate_request(from_hex("a16e616c6c6f63617465642d73697a651864"))) << "no share-numbers";
  EXPECT_FALSE(decode_write_reply(from_hex("a168726571756972656481a165626567696e10"))) << "no end";
  EXPECT_FALSE(decode_write_reply(from_hex("a26872657175697265648068726571756972656480"))) << "required twice";
  EXPECT_FALSE(decode_write_reply(from_hex("a168726571756972656481a365626567696e1065626567696e1063656e641830")));
  EXPECT_FALSE(decode_server_version(from_hex("a1536170706c69636174696f6e2d76657273696f6e43782f31")));
}

TEST(StorageMessages, use_text_keys_but_for_the_version) {
  EXPECT_FALSE(decode_write_reply(from_hex("a148726571756972656480"))) << "\"required\" as a byte string";
  EXPECT_FALSE(
      decode_corrupt_report(from_hex("a100"
                                     "63626164")))
      << "an integer key";
  std::string version = kVersion;
  version.replace(version.find("536170706c"), 2, "73");
  EXPECT_FALSE(decode_server_version(from_hex(version))) << "application-version as a text key";
  version = kVersion;
  version.replace(version.rfind("43782f31"), 2, "63");
  EXPECT_FALSE(decode_server_version(from_hex(version))) << "a text as application-version";
}

TEST(StorageMessages, use_integer_keys_for_shares_in_a_status) {
  // {"complete": {}, "incomplete": {KEY: {...}}, "busy": {}}
  const std::string head = "a368636f6d706c657465d90102806a696e636f6d706c657465a1";
  const std::string tail =
      "a46e616c6c6f63617465642d73697a65183068726571756972656480"
      "6469646c65056a657870697265732d696e016462757379d9010280";
  EXPECT_EQ(decode_upload_status(from_hex(head + "07" + tail)).value().incomplete.begin()->first, 7u);
  EXPECT_FALSE(decode_upload_status(from_hex(head + "6137" + tail))) << "the text \"7\"";
  EXPECT_FALSE(decode_upload_status(from_hex(head + "26" + tail))) << "a negative number";
  EXPECT_TRUE(decode_upload_status(from_hex(head + "190100" + tail)).value().incomplete.empty())
      << "256: no such share";
}

TEST(StorageMessages, refuse_a_share_twice_in_a_status) {
  const std::string partial =
      "07a46e616c6c6f63617465642d73697a651830687265717569726564806469646c65056a657870697265732d696e01";
  const std::string head = "a368636f6d706c657465d90102806a696e636f6d706c657465";
  EXPECT_TRUE(decode_upload_status(from_hex(head + "a1" + partial + "6462757379d9010280")));
  EXPECT_FALSE(decode_upload_status(from_hex(head + "a2" + partial + partial + "6462757379d9010280")));
}

/// A status with one more pair, of the given key and value, at its end.
Bytes status_with(const std::vector<std::pair<std::string, std::string>>& more) {
  Bytes out = from_hex(kStatus);
  out[0] = 0xbf;
  for (const auto& [key, value_hex] : more) {
    append(out, text_item(key));
    append(out, from_hex(value_hex));
  }
  out.push_back(0xff);
  return out;
}

TEST(StorageMessages, let_a_status_grow) {
  for (const char* value : {"00", "20", "f6", "fb3ff199999999999a", "63616263", "8201a16178d9010280", "9f01ff"}) {
    const auto status = decode_upload_status(status_with({{"new", value}}));
    ASSERT_TRUE(status) << value;
    expect_equal(*status, golden_status());
  }
  EXPECT_FALSE(decode_upload_status(status_with({{"new", "00"}, {"new", "00"}}))) << "an unknown key twice";
  EXPECT_FALSE(decode_upload_status(status_with({{"busy", "d9010280"}}))) << "a known key twice";
  EXPECT_FALSE(decode_upload_status(status_with({{"new", std::string(34, '8') + "00"}}))) << "not an item";
}

TEST(StorageMessages, do_not_let_an_open_map_nest_without_end) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "81";
  EXPECT_FALSE(decode_upload_status(status_with({{"new", deep + "00"}})));
}

TEST(StorageMessages, do_not_let_an_open_map_collect_keys_without_end) {
  std::vector<std::pair<std::string, std::string>> more;
  more.reserve(257);
  for (int i = 0; i < 256; ++i) more.emplace_back("key-" + std::to_string(i), "00");
  EXPECT_TRUE(decode_upload_status(status_with(more)));
  more.emplace_back("key-256", "00");
  EXPECT_FALSE(decode_upload_status(status_with(more)));
}

TEST(ShareSets, hold_at_most_256_numbers_of_any_value) {
  EXPECT_EQ(decode_share_set(share_set_of(256, 0)).value().size(), 256u);
  EXPECT_FALSE(decode_share_set(share_set_of(257, 0)));
  EXPECT_FALSE(decode_share_set(share_set_of(257, 1'000'000)));
  EXPECT_EQ(decode_share_set(share_set_of(10, 250)).value().size(), 6u) << "numbers above 255 mean no share";
  EXPECT_TRUE(decode_share_set(share_set_of(1, kMax)).value().empty()) << "nor may they wrap around";
  EXPECT_TRUE(decode_share_set(share_set_of(1, 65'536)).value().empty());
}

TEST(ShareSets, hold_unsigned_integers_only) {
  for (const char* hex : {"d901028120", "d90102816131", "d901028141ff", "d9010281f4", "d9010281f90000", "d901028180"}) {
    EXPECT_FALSE(decode_share_set(from_hex(hex))) << hex;
  }
}

TEST(ShareSets, are_not_believed_when_they_claim_to_be_huge) {
  for (const char* hex : {"d901029bffffffffffffffff", "d901029a7fffffff00", "d901029b0000000000000100",
                          "bbffffffffffffffff", "d901029f"}) {
    EXPECT_FALSE(decode_share_set(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_allocate_request(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_upload_status(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_server_version(from_hex(hex))) << hex;
  }
}

TEST(WriteReply, has_no_empty_or_reversed_range) {
  EXPECT_TRUE(decode_write_reply(write_reply_of({{0, 1}})));
  EXPECT_TRUE(decode_write_reply(write_reply_of({{0, kMax}})));
  EXPECT_FALSE(decode_write_reply(write_reply_of({{5, 5}})));
  EXPECT_FALSE(decode_write_reply(write_reply_of({{6, 5}})));
  EXPECT_FALSE(decode_write_reply(write_reply_of({{0, 1}, {kMax, 0}})));
}

TEST(WriteReply, is_a_set_of_ranges_in_whatever_order_they_come) {
  EXPECT_EQ(decode_write_reply(write_reply_of({{30, 40}, {10, 20}, {15, 30}})).value().required, (RangeSet{{10, 40}}));
}

TEST(WriteReply, has_up_to_65536_ranges) {
  std::vector<Range> ranges;
  for (std::uint64_t i = 0; i < kStatusRangesMax; ++i) ranges.push_back({2 * i, 2 * i + 1});
  EXPECT_EQ(decode_write_reply(write_reply_of(ranges)).value().required.count(), kStatusRangesMax);
  ranges.push_back({2 * kStatusRangesMax, 2 * kStatusRangesMax + 1});
  EXPECT_FALSE(decode_write_reply(write_reply_of(ranges)));
}

TEST(CorruptReport, has_a_reason_of_1_to_32765_bytes) {
  const auto report = [](std::size_t length) {
    return decode_corrupt_report(encode(CorruptReport{std::string(length, 'r')}));
  };
  EXPECT_FALSE(report(0));
  EXPECT_EQ(report(1).value().reason, "r");
  EXPECT_EQ(report(32'765).value().reason.size(), 32'765u);
  EXPECT_FALSE(report(32'766));
  EXPECT_FALSE(decode_corrupt_report(from_hex("a166726561736f6e43626164"))) << "a byte string is no reason";
}

TEST(CorruptReport, keeps_a_reason_beyond_ascii) {
  const std::string reason = "hash mismatch in block 3 \xc3\xa9";
  EXPECT_EQ(decode_corrupt_report(encode(CorruptReport{reason})).value().reason, reason);
}

TEST(ServerVersion, reaches_the_largest_integer) {
  const ServerVersion largest{kMax, kMax, kMax, ""};
  EXPECT_EQ(fields(decode_server_version(encode(largest)).value()), fields(largest));
}

}  // namespace
}  // namespace holdfast::protocol
