#include "holdfast/core/protocol/nurl.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace holdfast::protocol {
namespace {

// 43 characters: the base64url of 32 zero bytes.
const std::string kKey(43, 'A');
const std::string kSwissnum = "abcdefghijklmnopqrstuvwxyz234567";

std::string nurl_at(const std::string& location) {
  return "pb://" + kKey + "@" + location + "/" + kSwissnum + "#v=1";
}

std::optional<Errc> error_of(const std::string& text) {
  const auto nurl = parse_nurl(text);
  return nurl ? std::nullopt : std::optional(nurl.error().code);
}

TEST(Nurl, names_a_key_a_place_and_a_swissnum) {
  const auto nurl =
      parse_nurl("pb://yO0SN1yBpsvwFTpfhKnO8xg9Yoes0fYbQGWKr9T5HkM@storage.example.org:8098/" + kSwissnum + "#v=1");
  ASSERT_TRUE(nurl) << nurl.error().what;
  EXPECT_EQ(to_hex(nurl->spki.view()), "c8ed12375c81a6cbf0153a5f84a9cef3183d6287acd1f61b40658aafd4f91e43");
  EXPECT_EQ(nurl->host, "storage.example.org");
  EXPECT_EQ(nurl->port, 8098);
  EXPECT_EQ(nurl->swissnum, kSwissnum);
}

TEST(Nurl, without_a_port_means_443) {
  EXPECT_EQ(parse_nurl(nurl_at("host")).value().port, 443);
  EXPECT_EQ(parse_nurl(nurl_at("[::1]")).value().port, 443);
}

TEST(Nurl, has_a_name_an_ipv4_or_a_bracketed_ipv6_address) {
  EXPECT_EQ(parse_nurl(nurl_at("127.0.0.1:1")).value().host, "127.0.0.1");
  EXPECT_EQ(parse_nurl(nurl_at("[2001:db8::1]:65535")).value().host, "2001:db8::1");
  EXPECT_EQ(parse_nurl(nurl_at("[::ffff:192.0.2.1]:80")).value().host, "::ffff:192.0.2.1");
  EXPECT_EQ(to_string(parse_nurl(nurl_at("[::1]:80")).value()), nurl_at("[::1]:80"));
}

TEST(Nurl, has_exactly_one_place_that_can_be_one) {
  for (const char* location : {"",
                               ":80",
                               "host:",
                               "host:0",
                               "host:65536",
                               "host:-1",
                               "host:+80",
                               "host:8o",
                               "host: 80",
                               "host:80:80",
                               "::1",
                               "::1:80",
                               "2001:db8::1",
                               "[]",
                               "[]:80",
                               "[::1",
                               "[::1]80",
                               "[::1]:",
                               "[::1]:0",
                               "[::1%eth0]:80",
                               "[host]:80",
                               "[g::1]:80",
                               "[127.0.0.1]:80",
                               "tcp:host:80",
                               "host:80,other:80",
                               "user@host:80",
                               "a b:80",
                               "h\xc3\xb6st:80",
                               "ho%73t:80",
                               "host\\:80"}) {
    EXPECT_EQ(error_of(nurl_at(location)), Errc::malformed) << location;
  }
  EXPECT_TRUE(parse_nurl(nurl_at(std::string(253, 'h') + ":80")));
  EXPECT_FALSE(parse_nurl(nurl_at(std::string(254, 'h') + ":80")));
  EXPECT_FALSE(parse_nurl(nurl_at("[" + std::string(200, ':') + "]:80")));
}

TEST(Nurl, has_a_key_hash_of_43_characters_and_32_bytes) {
  const auto with_key = [](const std::string& key) {
    return error_of("pb://" + key + "@host:80/" + kSwissnum + "#v=1");
  };
  EXPECT_EQ(with_key(kKey), std::nullopt);
  EXPECT_EQ(with_key(kKey.substr(1)), Errc::malformed);
  EXPECT_EQ(with_key(kKey + "A"), Errc::malformed);
  EXPECT_EQ(with_key(kKey.substr(1) + "B"), Errc::malformed) << "stray bits";
  EXPECT_EQ(with_key(kKey.substr(1) + "="), Errc::malformed) << "padding";
  EXPECT_EQ(with_key(kKey.substr(2) + "+/"), Errc::malformed) << "the other alphabet";
  EXPECT_EQ(with_key(""), Errc::malformed);
  EXPECT_EQ(with_key(std::string(32, 'a')), Errc::malformed) << "a TubID";
}

TEST(Nurl, has_a_swissnum_of_1_to_128_unreserved_characters) {
  const auto with_swissnum = [](const std::string& swissnum) {
    return parse_nurl("pb://" + kKey + "@host:80/" + swissnum + "#v=1");
  };
  EXPECT_EQ(with_swissnum("aZ0-._~").value().swissnum, "aZ0-._~");
  EXPECT_TRUE(with_swissnum(std::string(128, 's')));
  for (const std::string& swissnum :
       {std::string(), std::string(129, 's'), std::string("a/b"), std::string("a/"), std::string("a?b"),
        std::string("a b"), std::string("a%20"), std::string("\xc3\xa9"), std::string("a\n")}) {
    EXPECT_FALSE(with_swissnum(swissnum)) << swissnum;
  }
  EXPECT_EQ(error_of("pb://" + kKey + "@host:80#v=1"), Errc::malformed);
}

TEST(Nurl, ends_in_version_one) {
  const std::string head = "pb://" + kKey + "@host:80/" + kSwissnum;
  for (const char* end :
       {"#", "#v=", "#v=2", "#v=10", "#v=1 ", "#V=1", "#v=1&x", "#v=1#v=1", "#x=1", " #v=1", "?#v=1"}) {
    EXPECT_EQ(error_of(head + end), Errc::malformed) << end;
  }
  EXPECT_FALSE(parse_nurl(head + "\n#v=1"));
}

TEST(Nurl, is_unsupported_as_a_furl_and_over_tor_or_i2p) {
  EXPECT_EQ(error_of("pb://" + kKey + "@host:80/" + kSwissnum), Errc::unsupported);
  EXPECT_EQ(error_of("pb+tor://" + kKey + "@host.onion:80/" + kSwissnum + "#v=1"), Errc::unsupported);
  EXPECT_EQ(error_of("pb+i2p://" + kKey + "@host.i2p:80/" + kSwissnum + "#v=1"), Errc::unsupported);
}

TEST(Nurl, is_nothing_else) {
  for (const char* text : {"", "pb", "pb:", "pb://", "pb://@", "PB://x@y/z#v=1", "http://host/", " pb://", "pb:/x"}) {
    EXPECT_EQ(error_of(text), Errc::malformed) << text;
  }
  EXPECT_EQ(error_of(nurl_at(std::string(1'000'000, 'h'))), Errc::malformed);
}

std::string pick(std::mt19937& random, std::string_view alphabet, std::size_t count) {
  std::string out;
  while (out.size() < count) out.push_back(alphabet[random() % alphabet.size()]);
  return out;
}

TEST(Nurl, reads_what_it_writes) {
  constexpr std::string_view kUnreserved = "abcXYZ019-._~";
  std::mt19937 random(17);
  for (int round = 0; round < 1000; ++round) {
    Nurl nurl;
    for (std::uint8_t& byte : nurl.spki.bytes) byte = static_cast<std::uint8_t>(random());
    const bool v6 = random() % 3 == 0;
    nurl.host = v6 ? "fe80::" + pick(random, "0123456789abcdef", 1 + random() % 4)
                   : pick(random, kUnreserved, 1 + random() % 253);
    nurl.port = static_cast<std::uint16_t>(1 + random() % 65'535);
    nurl.swissnum = pick(random, kUnreserved, 1 + random() % 128);
    EXPECT_EQ(parse_nurl(to_string(nurl)).value(), nurl);
  }
}

}  // namespace
}  // namespace holdfast::protocol
