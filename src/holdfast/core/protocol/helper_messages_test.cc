#include "holdfast/core/protocol/helper_messages.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <tuple>

#include "holdfast/core/protocol/cbor.h"
#include "support/vectors.h"

namespace holdfast::protocol {
namespace {

using test::from_hex;
using Kind = HelperState::Kind;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

Hash hash_of(std::uint8_t fill) {
  Hash out;
  out.bytes.fill(fill);
  return out;
}

// Each message says here what all of it is, so that tests can compare two of them.
auto fields(const HelperVersion& m) {
  return std::tie(m.protocol, m.application, m.grid, m.space, m.size_max, m.retention_seconds, m.idle_seconds);
}
auto fields(const HelperRequest& m) {
  return std::tie(m.size, m.needed, m.total, m.happy, m.segment_size, m.reject);
}
auto fields(const HelperState& m) {
  return std::tie(m.kind, m.upload, m.offset, m.busy, m.done_bytes, m.total_bytes, m.ueb, m.shares, m.reason);
}
auto fields(const HelperDigests& m) {
  return std::tie(m.first, m.offset, m.digests);
}

HelperState state_of(Kind kind) {
  HelperState out;
  out.kind = kind;
  switch (kind) {
    case Kind::receiving:
      out.upload = "/helper/v1/uploads/t";
      out.offset = 5'000'000'000;
      out.busy = true;
      break;
    case Kind::repairing:
    case Kind::encoding:
    case Kind::pushing:
      out.done_bytes = 3;
      out.total_bytes = kMax;
      break;
    case Kind::present:
    case Kind::done:
      out.ueb = {1, 2, 3};
      out.shares = {{0, {"v0-a", "v0-b"}}, {255, {}}};
      break;
    case Kind::failed:
      out.reason = "no space on any server";
      break;
  }
  return out;
}

constexpr Kind kKinds[] = {Kind::present, Kind::receiving, Kind::repairing, Kind::encoding,
                           Kind::pushing, Kind::done,      Kind::failed};

/// {"state": kind, ...}
Bytes state_map(std::string_view kind, std::size_t pairs, const std::function<void(CborWriter&)>& rest) {
  CborWriter out;
  out.map(1 + pairs);
  out.text("state");
  out.text(kind);
  rest(out);
  return out.take();
}

Bytes present_with_shares(const std::function<void(CborWriter&)>& shares) {
  return state_map("present", 2, [&](CborWriter& out) {
    out.text("ueb");
    out.bytes(from_hex("01"));
    out.text("shares");
    shares(out);
  });
}

Bytes request_with(std::uint64_t total, std::size_t rejected, std::size_t hash_bytes) {
  CborWriter out;
  out.map(6);
  for (const char* key : {"size", "needed", "happy", "segment-size"}) {
    out.text(key);
    out.uint(1);
  }
  out.text("total");
  out.uint(total);
  out.text("reject");
  out.array(rejected);
  for (std::size_t i = 0; i < rejected; ++i) out.bytes(Bytes(hash_bytes, 7));
  return out.take();
}

Bytes digests_of(std::size_t bytes) {
  CborWriter out;
  out.map(3);
  out.text("first");
  out.uint(0);
  out.text("offset");
  out.uint(0);
  out.text("digests");
  out.bytes(Bytes(bytes, 9));
  return out.take();
}

TEST(HelperMessages, come_back_as_they_were) {
  const HelperVersion version{1, "holdfast/1", {"v0-a", "nurl-b"}, kMax, 7, 604'800, 0};
  EXPECT_EQ(fields(decode_helper_version(encode(version)).value()), fields(version));
  const HelperRequest request{kMax, 3, 10, 7, 131'073, {hash_of(1), hash_of(2)}};
  EXPECT_EQ(fields(decode_helper_request(encode(request)).value()), fields(request));
  for (Kind kind : kKinds) {
    const HelperState state = state_of(kind);
    EXPECT_EQ(fields(decode_helper_state(encode(state)).value()), fields(state)) << to_string(kind);
  }
  const HelperDigests digests{9, kMax, {hash_of(3), hash_of(4), hash_of(5)}};
  EXPECT_EQ(fields(decode_helper_digests(encode(digests)).value()), fields(digests));
}

TEST(HelperMessages, have_the_keys_of_their_page) {
  // {"state": "receiving", "upload": "/u", "offset": 24, "busy": false}
  const Bytes state = from_hex(
      "a465737461746569726563656976696e676675706c6f6164622f75666f66667365741818646275"
      "7379f4");
  const HelperState decoded = decode_helper_state(state).value();
  EXPECT_EQ(decoded.upload, "/u");
  EXPECT_EQ(decoded.offset, 24u);
  EXPECT_EQ(encode(decoded), state);
}

TEST(HelperMessages, cut_anywhere_are_malformed) {
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
  refused_when_cut(encode(HelperVersion{.application = "x", .grid = {"v0-a"}}), decode_helper_version);
  refused_when_cut(encode(HelperRequest{.size = 300, .reject = {hash_of(1)}}), decode_helper_request);
  for (Kind kind : kKinds) refused_when_cut(encode(state_of(kind)), decode_helper_state);
  refused_when_cut(encode(HelperDigests{.digests = {hash_of(1)}}), decode_helper_digests);
}

TEST(HelperMessages, are_open_to_unknown_keys_but_not_to_one_twice) {
  const auto with = [](std::initializer_list<std::string_view> keys) {
    return state_map("failed", 1 + keys.size(), [&](CborWriter& out) {
      out.text("reason");
      out.text("r");
      for (std::string_view key : keys) {
        out.text(key);
        out.text("r");
      }
    });
  };
  EXPECT_EQ(decode_helper_state(with({"new", "newer"})).value().reason, "r");
  EXPECT_FALSE(decode_helper_state(with({"new", "new"})));
  EXPECT_FALSE(decode_helper_state(with({"reason"})));
}

TEST(HelperState, is_one_of_seven) {
  EXPECT_FALSE(decode_helper_state(state_map("asleep", 0, [](CborWriter&) {})));
  EXPECT_FALSE(decode_helper_state(state_map("", 0, [](CborWriter&) {})));
  EXPECT_TRUE(decode_helper_state(state_map("encoding", 0, [](CborWriter&) {}))) << "progress may be left out";
}

TEST(HelperState, receiving_says_where_and_from_which_offset) {
  const auto receiving = [](std::string_view upload, bool offset) {
    return state_map("receiving", offset ? 2 : 1, [&](CborWriter& out) {
      out.text("upload");
      out.text(upload);
      if (!offset) return;
      out.text("offset");
      out.uint(0);
    });
  };
  EXPECT_TRUE(decode_helper_state(receiving("/u", true)));
  EXPECT_FALSE(decode_helper_state(receiving("/u", false))) << "no offset: it is not 0, it is unknown";
  EXPECT_FALSE(decode_helper_state(receiving("", true)));
}

TEST(HelperState, in_the_grid_has_its_extension_block) {
  const auto no_ueb = [](CborWriter& out) {
    out.text("shares");
    out.map(0);
  };
  EXPECT_FALSE(decode_helper_state(state_map("present", 1, no_ueb)));
  EXPECT_FALSE(decode_helper_state(state_map("done", 1, no_ueb)));
}

TEST(HelperState, tells_of_at_most_256_shares_with_256_servers_each) {
  const auto shares = [](std::uint64_t count, std::uint64_t servers) {
    return decode_helper_state(present_with_shares([&](CborWriter& out) {
      out.map(count);
      for (std::uint64_t share = 0; share < count; ++share) {
        out.uint(share);
        out.array(servers);
        for (std::uint64_t i = 0; i < servers; ++i) out.text("s");
      }
    }));
  };
  EXPECT_EQ(shares(256, 1).value().shares.size(), 256u);
  EXPECT_FALSE(shares(257, 1));
  EXPECT_EQ(shares(1, 256).value().shares.at(0).size(), 256u);
  EXPECT_FALSE(shares(1, 257));
}

TEST(HelperState, takes_numbers_above_255_for_no_share_and_refuses_one_twice) {
  const auto shares = [](std::initializer_list<std::uint64_t> numbers) {
    return decode_helper_state(present_with_shares([&](CborWriter& out) {
      out.map(numbers.size());
      for (std::uint64_t share : numbers) {
        out.uint(share);
        out.array(0);
      }
    }));
  };
  EXPECT_EQ(shares({256, 1, kMax, 65'536}).value().shares.size(), 1u);
  EXPECT_FALSE(shares({1, 1}));
}

TEST(HelperRequest, has_counts_of_16_bits) {
  EXPECT_EQ(decode_helper_request(request_with(65'535, 0, 32)).value().total, 65'535u);
  EXPECT_FALSE(decode_helper_request(request_with(65'536, 0, 32)));
  EXPECT_FALSE(decode_helper_request(request_with(kMax, 0, 32))) << "nor may they wrap around";
}

TEST(HelperRequest, rejects_at_most_256_hashes_of_32_bytes) {
  EXPECT_EQ(decode_helper_request(request_with(1, 256, 32)).value().reject.size(), 256u);
  EXPECT_FALSE(decode_helper_request(request_with(1, 257, 32)));
  EXPECT_FALSE(decode_helper_request(request_with(1, 1, 31)));
  EXPECT_FALSE(decode_helper_request(request_with(1, 1, 33)));
  EXPECT_LE(request_with(1, 256, 32).size(), kHelperRequestBytesMax);
}

TEST(HelperVersion, has_pieces_of_one_size) {
  CborWriter more;
  more.text("piece-size");
  more.uint(kHelperPieceBytes);
  const Bytes good = more.take();
  Bytes body = encode(HelperVersion{});
  ASSERT_TRUE(std::equal(good.rbegin(), good.rend(), body.rbegin()));
  body.back() ^= 1;
  EXPECT_FALSE(decode_helper_version(body));
}

TEST(HelperDigests, are_whole_and_at_most_32768) {
  EXPECT_EQ(decode_helper_digests(digests_of(0)).value().digests.size(), 0u);
  EXPECT_FALSE(decode_helper_digests(digests_of(33)));
  const Bytes most = digests_of(kHelperDigestsMax * 32);
  EXPECT_LE(most.size(), kHelperDigestsBytesMax);
  EXPECT_EQ(decode_helper_digests(most).value().digests.size(), kHelperDigestsMax);
  EXPECT_FALSE(decode_helper_digests(digests_of((kHelperDigestsMax + 1) * 32)));
}

TEST(HelperMessages, are_not_believed_when_they_claim_to_be_huge) {
  for (const char* hex : {"bbffffffffffffffff", "bf", "a165737461746566646f6e65", "9bffffffffffffffff"}) {
    EXPECT_FALSE(decode_helper_version(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_helper_request(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_helper_state(from_hex(hex))) << hex;
    EXPECT_FALSE(decode_helper_digests(from_hex(hex))) << hex;
  }
}

TEST(HoldfastPieces, is_a_digest_between_colons) {
  const std::string field = format_pieces_field(hash_of(0xab));
  EXPECT_EQ(field, "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:");
  EXPECT_EQ(parse_pieces_field(field).value(), hash_of(0xab));
  for (const char* bad :
       {"", "sha-256=:", "sha-256=::", "sha-256=:q6s=:", "sha-512=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:",
        "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=",
        "sha-256=:q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s:",
        "sha-256=q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=:"}) {
    EXPECT_FALSE(parse_pieces_field(bad)) << bad;
  }
}

}  // namespace
}  // namespace holdfast::protocol
