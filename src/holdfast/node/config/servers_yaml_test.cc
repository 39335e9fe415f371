#include "holdfast/node/config/servers_yaml.h"

#include <gtest/gtest.h>

#include <random>

#include "holdfast/core/base/base32.h"
#include "holdfast/core/placement/server_ring.h"

namespace holdfast::config {
namespace {

using protocol::Announcement;

const std::string kId = "v0-c2ng2pbrmxmlwpijn3mr72ckk5fmzk6uxf6nhowyosaubrt6y5mq";
const std::string kTub(32, 'b');
const std::string kFurl = "pb://" + kTub + "@tcp:example.org:8098/abcdefghijklmnopqrstuvwxyz234567";
const std::string kNurl = "pb://" + std::string(43, 'A') + "@example.org:8098/abcdefghijklmnopqrstuvwxyz234567#v=1";

struct Parsed {
  std::vector<Announcement> servers;
  std::vector<std::string> problems;
};

Parsed parse(const std::string& yaml) {
  Parsed out;
  auto servers = parse_servers_yaml(yaml, out.problems);
  EXPECT_TRUE(servers) << servers.error().what;
  if (servers) out.servers = std::move(*servers);
  return out;
}

bool is_malformed(const std::string& yaml) {
  std::vector<std::string> problems;
  const auto servers = parse_servers_yaml(yaml, problems);
  return !servers && servers.error().code == Errc::malformed;
}

/// One server whose announcement has these lines.
std::string server(const std::string& id, const std::vector<std::string>& lines) {
  std::string out = "  " + id + ":\n    ann:\n";
  for (const std::string& line : lines) out += "      " + line + "\n";
  return out;
}

std::string with_nurls(const std::string& nurls) {
  return "anonymous-storage-NURLs: " + nurls;
}

/// The one problem of a file with one server of these lines.
std::string problem_of(const std::vector<std::string>& lines) {
  const Parsed parsed = parse("storage:\n" + server(kId, lines));
  EXPECT_TRUE(parsed.servers.empty());
  EXPECT_EQ(parsed.problems.size(), 1u);
  return parsed.problems.empty() ? "" : parsed.problems[0];
}

TEST(ServersYaml, is_read_as_tahoe_has_it) {
  const Parsed parsed = parse(
      "storage:\n" +
      server(kId, {"nickname: alpha", "anonymous-storage-FURL: " + kFurl, "anonymous-storage-NURLs:", "  - " + kNurl,
                   "permutation-seed-base32: " + std::string(32, 'a'), "grid-manager-certificates: []"}) +
      "    connections: {tcp: tcp}\n");
  EXPECT_TRUE(parsed.problems.empty());
  ASSERT_EQ(parsed.servers.size(), 1u);
  const Announcement& one = parsed.servers[0];
  EXPECT_EQ(one.server_id, kId);
  EXPECT_EQ(one.nickname, "alpha");
  ASSERT_TRUE(one.tub_id);
  EXPECT_EQ(base32_encode(one.tub_id->view()), kTub);
  ASSERT_EQ(one.nurls.size(), 1u);
  EXPECT_EQ(to_string(one.nurls[0]), kNurl);
  EXPECT_EQ(one.announced_seed, Bytes(20, 0)) << "the 20 bytes of a server older than node keys";
}

TEST(ServersYaml, needs_no_more_than_a_nurl) {
  const Parsed parsed = parse("storage:\n" + server("any text", {with_nurls("[\"" + kNurl + "\"]")}));
  ASSERT_EQ(parsed.servers.size(), 1u);
  EXPECT_EQ(parsed.servers[0].server_id, "any text");
  EXPECT_FALSE(parsed.servers[0].tub_id);
  EXPECT_FALSE(parsed.servers[0].announced_seed);
  EXPECT_EQ(parsed.servers[0].nickname, "");
}

TEST(ServersYaml, gives_each_kind_of_server_its_permutation_seed) {
  const auto seed_of = [](const Announcement& one) {
    return placement::permutation_seed(one.server_id, one.announced_seed);
  };
  const std::string nurls = with_nurls("[\"" + kNurl + "\"]");
  const Parsed parsed = parse("storage:\n" + server(kId, {nurls}) + server("named", {nurls}) +
                              server("seeded", {nurls, "permutation-seed-base32: " + kTub}));
  ASSERT_EQ(parsed.servers.size(), 3u);
  EXPECT_EQ(seed_of(parsed.servers[0]), base32_decode(kId.substr(3)).value()) << "the key in the id";
  EXPECT_EQ(seed_of(parsed.servers[1]).size(), 32u) << "the hash of the id";
  EXPECT_EQ(seed_of(parsed.servers[2]), base32_decode(kTub).value()) << "the announced one";
}

TEST(ServersYaml, may_be_empty) {
  for (const char* yaml :
       {"", "\n", "# nothing\n", "---\n", "~", "{}", "storage:", "storage: {}", "storage: ~", "other: 1"}) {
    EXPECT_TRUE(parse(yaml).servers.empty()) << yaml;
  }
}

TEST(ServersYaml, must_have_its_shape) {
  for (const std::string& yaml :
       {std::string("storage: []"), std::string("storage: text"), std::string("storage: [1, 2]"),
        std::string("- storage"), std::string("text"), kNurl, std::string("storage: {"), std::string("\t- x"),
        std::string("storage: *nowhere"), std::string("a: b: c"), std::string("\"open"), std::string("{a, b"),
        std::string("%YAML 9.9 x\n---\n")}) {
    EXPECT_TRUE(is_malformed(yaml)) << yaml;
  }
}

TEST(ServersYaml, names_what_cannot_be_used_and_keeps_the_rest) {
  const Parsed parsed =
      parse("storage:\n" + server("good", {with_nurls("[\"" + kNurl + "\"]")}) +
            server("foolscap", {"anonymous-storage-FURL: " + kFurl}) + "  scalar: 5\n  list: [1]\n  no-ann: {}\n" +
            server("better", {with_nurls("[\"" + kNurl + "\"]")}));
  ASSERT_EQ(parsed.servers.size(), 2u);
  EXPECT_EQ(parsed.servers[0].server_id, "good");
  EXPECT_EQ(parsed.servers[1].server_id, "better");
  ASSERT_EQ(parsed.problems.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    constexpr const char* kIds[] = {"foolscap", "scalar", "list", "no-ann"};
    EXPECT_NE(parsed.problems[i].find(kIds[i]), std::string::npos) << parsed.problems[i];
  }
}

TEST(ServersYaml, wants_at_least_one_nurl_that_can_be_read) {
  EXPECT_NE(problem_of({"nickname: x"}), "");
  EXPECT_NE(problem_of({with_nurls("[]")}), "");
  EXPECT_NE(problem_of({with_nurls(kNurl)}), "") << "a text instead of a list";
  EXPECT_NE(problem_of({with_nurls("[[]]")}), "");
  EXPECT_NE(problem_of({with_nurls("[\"pb://nonsense#v=1\"]")}), "");
  EXPECT_NE(problem_of({"anonymous-storage-NURLs:", "  - " + kNurl.substr(0, kNurl.size() - 4) + " #v=1"}), "")
      << "behind a blank the version is a comment of YAML";
  const Parsed parsed = parse("storage:\n" + server(kId, {with_nurls("[nonsense, \"" + kNurl + "\"]")}));
  ASSERT_EQ(parsed.servers.size(), 1u);
  EXPECT_EQ(parsed.servers[0].nurls.size(), 1u);
}

TEST(ServersYaml, names_a_nurl_that_cannot_be_read_beside_others_by_its_place) {
  const Parsed parsed =
      parse("storage:\n" +
            server(kId, {with_nurls("[\"" + kNurl + "\", nonsense, \"" + kNurl + "\", [], \"" + kFurl + "\"]")}));
  ASSERT_EQ(parsed.servers.size(), 1u);
  EXPECT_EQ(parsed.servers[0].nurls.size(), 2u);
  ASSERT_EQ(parsed.problems.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    constexpr const char* kPlaces[] = {": NURL 2: ", ": NURL 4: ", ": NURL 5: "};
    EXPECT_NE(parsed.problems[i].find(kId + kPlaces[i]), std::string::npos) << parsed.problems[i];
    EXPECT_EQ(parsed.problems[i].find("abcdefgh"), std::string::npos) << "a swissnum is a password";
  }
}

TEST(ServersYaml, has_each_id_once_and_the_last_entry_counts) {
  const std::string nurls = with_nurls("[\"" + kNurl + "\"]");
  const Parsed parsed = parse("storage:\n" + server("one", {nurls, "nickname: a"}) + server("two", {nurls}) +
                              server("one", {nurls, "nickname: b"}) + "  two: 5\n");
  ASSERT_EQ(parsed.servers.size(), 1u) << "the last two is no server";
  EXPECT_EQ(parsed.servers[0].server_id, "one");
  EXPECT_EQ(parsed.servers[0].nickname, "b");
  ASSERT_EQ(parsed.problems.size(), 3u);
  EXPECT_NE(parsed.problems[0].find("one: is there twice"), std::string::npos) << parsed.problems[0];
  EXPECT_NE(parsed.problems[1].find("two: is there twice"), std::string::npos) << parsed.problems[1];
}

TEST(ServersYaml, has_ids_of_text_only) {
  const Parsed parsed = parse("storage:\n  ? [a]\n  : {ann: {" + with_nurls("[\"" + kNurl + "\"]") + "}}\n");
  EXPECT_TRUE(parsed.servers.empty());
  EXPECT_EQ(parsed.problems.size(), 1u);
}

TEST(ServersYaml, wants_a_tub_id_of_20_bytes_in_a_furl) {
  const std::string nurls = with_nurls("[\"" + kNurl + "\"]");
  for (const std::string& furl : {std::string("nonsense"), "pb://" + kTub, "pb://" + kTub.substr(1) + "@tcp:h:1/s",
                                  "pb://" + kTub + "b@tcp:h:1/s", std::string("pb://@tcp:h:1/s"),
                                  "pb://" + std::string(32, 'B') + "@tcp:h:1/s", "http://" + kTub + "@tcp:h:1/s"}) {
    EXPECT_NE(problem_of({nurls, "anonymous-storage-FURL: " + furl}), "") << furl;
  }
}

TEST(ServersYaml, wants_a_seed_in_base32) {
  const std::string nurls = with_nurls("[\"" + kNurl + "\"]");
  for (const char* seed : {"UPPER", "1", "a", "ab=", "not base32"}) {
    EXPECT_NE(problem_of({nurls, std::string("permutation-seed-base32: ") + seed}), "") << seed;
  }
}

TEST(ServersYaml, shares_what_it_names_by_an_alias) {
  const Parsed parsed =
      parse("storage:\n  one: &one\n    ann:\n      " + with_nurls("[\"" + kNurl + "\"]") + "\n  two: *one\n");
  ASSERT_EQ(parsed.servers.size(), 2u);
  EXPECT_EQ(parsed.servers[1].server_id, "two");
}

TEST(ServersYaml, stands_a_file_made_to_hurt) {
  std::string laughs = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + ", " + last + ", " + last + "]\n";
  }
  EXPECT_TRUE(parse(laughs + "storage: {}\n").servers.empty());
  EXPECT_TRUE(is_malformed(laughs + "storage: *a39\n"));
  for (const char* opener : {"[", "{", "- ", "? ", "[{"}) {
    std::string deep = "storage: ";
    if (opener[1] == ' ') deep += "\n  ";
    for (int i = 0; i < 10'000; ++i) deep += opener;
    EXPECT_TRUE(is_malformed(deep)) << opener;
  }
  EXPECT_TRUE(is_malformed(std::string(4 * 1'048'576 + 1, '\n')));
}

TEST(ServersYaml, has_at_most_10000_servers) {
  std::string yaml = "storage:\n";
  for (int i = 0; i < 10'000; ++i) yaml += "  s" + std::to_string(i) + ": 0\n";
  EXPECT_EQ(parse(yaml).problems.size(), 10'000u);
  EXPECT_TRUE(is_malformed(yaml + "  one-more: 0\n"));
}

/// The same of another server.
std::string nurl_of(char key) {
  return "pb://" + std::string(42, key) + "A@example.org:8098/swissnum#v=1";
}

TEST(NurlList, is_one_nurl_a_line) {
  std::vector<std::string> problems;
  const auto servers = parse_nurl_list("# our grid\n\n" + kNurl + "\r\n   \n" + nurl_of('B') + " \t", problems);
  EXPECT_TRUE(problems.empty());
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(to_string(servers[0].nurls.at(0)), kNurl);
  EXPECT_EQ(servers[0].server_id, "nurl-" + std::string(43, 'A'));
  EXPECT_FALSE(servers[0].tub_id);
  EXPECT_TRUE(parse_nurl_list("", problems).empty());
}

TEST(NurlList, names_the_line_that_is_no_nurl_and_keeps_the_rest) {
  for (const std::string& line :
       {kFurl, std::string("nonsense"), kNurl + " " + kNurl, kNurl + " # comment", kNurl.substr(1)}) {
    std::vector<std::string> problems;
    const auto servers = parse_nurl_list("# first\n" + kNurl + "\n" + line + "\n" + nurl_of('B'), problems);
    EXPECT_EQ(servers.size(), 2u) << line;
    ASSERT_EQ(problems.size(), 1u) << line;
    EXPECT_TRUE(problems[0].starts_with("servers.nurl: line 3: ")) << problems[0];
    EXPECT_EQ(problems[0].find("abcdefgh"), std::string::npos) << "a swissnum is a password";
  }
}

TEST(NurlList, has_each_server_once_wherever_it_is) {
  std::string moved = kNurl;
  moved.replace(moved.find("example.org"), 11, "10.0.0.1");
  std::vector<std::string> problems;
  const auto servers = parse_nurl_list(kNurl + "\n" + moved + "\n" + kNurl + "\n", problems);
  ASSERT_EQ(servers.size(), 1u);
  EXPECT_EQ(servers[0].nurls.at(0).host, "example.org");
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_TRUE(problems[0].starts_with("servers.nurl: line 2: ")) << problems[0];
}

}  // namespace
}  // namespace holdfast::config
