#include "holdfast/node/config/tahoe_cfg.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace holdfast::config {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kDay = 86'400;

/// The error's text; empty when there is none.
std::string error_of(const std::string& text) {
  const auto cfg = parse_tahoe_cfg(text);
  if (cfg) return {};
  EXPECT_EQ(cfg.error().code, Errc::malformed);
  return cfg.error().what;
}

bool mentions(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST(ByteCount, has_units_of_1000_and_of_1024) {
  EXPECT_EQ(parse_byte_count("0"), 0u);
  EXPECT_EQ(parse_byte_count("5000"), 5000u);
  EXPECT_EQ(parse_byte_count("5B"), 5u);
  std::uint64_t decimal = 1;
  std::uint64_t binary = 1;
  for (const char unit : std::string_view("KMGTPE")) {
    decimal *= 1000;
    binary *= 1024;
    for (const std::string& name : {std::string(1, unit), std::string(1, static_cast<char>(unit - 'A' + 'a'))}) {
      EXPECT_EQ(parse_byte_count("1" + name), decimal) << name;
      EXPECT_EQ(parse_byte_count("3" + name + "B"), 3 * decimal) << name;
      EXPECT_EQ(parse_byte_count("1" + name + "i"), binary) << name;
      EXPECT_EQ(parse_byte_count("7" + name + "iB"), 7 * binary) << name;
      EXPECT_EQ(parse_byte_count("1 " + name + "ib "), binary) << name << " with a blank, as the manual writes it";
    }
  }
}

TEST(ByteCount, is_nothing_else) {
  for (const char* text : {"",     " ",   "G",  "-1G", "+1",   "1.5G",  "1,000", "1e9", "0x10", "1X",   "1GG",
                           "1GBB", "1iB", "1i", "1Bi", "1KBi", "1 G B", "1_000", "one", " 1",   "1\tG", "1K1"}) {
    EXPECT_FALSE(parse_byte_count(text)) << text;
  }
}

TEST(ByteCount, that_does_not_fit_is_refused_and_does_not_wrap_around) {
  EXPECT_EQ(parse_byte_count("18446744073709551615"), kMax);
  EXPECT_EQ(parse_byte_count("18E"), 18'000'000'000'000'000'000u);
  EXPECT_EQ(parse_byte_count("15EiB"), std::uint64_t{15} << 60);
  for (const char* text :
       {"18446744073709551616", "19E", "16EiB", "18446744073709551615K", "99999999999999999999999"}) {
    EXPECT_FALSE(parse_byte_count(text)) << text;
  }
}

TEST(ByteCount, of_digits_is_itself) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t value = random() >> random() % 64;
    EXPECT_EQ(parse_byte_count(std::to_string(value)), value);
  }
}

TEST(Duration, has_units_from_seconds_to_years) {
  const std::pair<const char*, std::uint64_t> cases[] = {{"90", 90},
                                                         {"90s", 90},
                                                         {"90 seconds", 90},
                                                         {"1second", 1},
                                                         {"5sec", 5},
                                                         {"30m", 1800},
                                                         {"30min", 1800},
                                                         {"30 Minutes", 1800},
                                                         {"2h", 7200},
                                                         {"1 hour", 3600},
                                                         {"7 days", 7 * kDay},
                                                         {"1DAY", kDay},
                                                         {"3d", 3 * kDay},
                                                         {"2mo", 62 * kDay},
                                                         {"1 month", 31 * kDay},
                                                         {"6 months", 186 * kDay},
                                                         {"1 year", 365 * kDay},
                                                         {"2years", 730 * kDay},
                                                         {"0", 0}};
  for (const auto& [text, seconds] : cases) EXPECT_EQ(parse_duration_seconds(text), seconds) << text;
}

TEST(Duration, is_nothing_else_and_fits) {
  for (const char* text : {"", "day", "-1 day", "1.5 days", "1 fortnight", "1 day 2 hours", "1dayss", "7 d ays", "1M o",
                           "18446744073709551616", "584942417356 years", "18446744073709551615 min"}) {
    EXPECT_FALSE(parse_duration_seconds(text)) << text;
  }
  EXPECT_EQ(parse_duration_seconds("18446744073709551615s"), kMax);
}

TEST(TahoeCfg, of_nothing_has_the_defaults_of_tahoe) {
  const TahoeCfg cfg = parse_tahoe_cfg("").value();
  EXPECT_TRUE(cfg.storage_enabled);
  EXPECT_FALSE(cfg.readonly);
  EXPECT_EQ(cfg.reserved_space_bytes, 0u);
  EXPECT_EQ(cfg.storage_dir, "storage");
  EXPECT_EQ(cfg.shares_needed, 3u);
  EXPECT_EQ(cfg.shares_happy, 7u);
  EXPECT_EQ(cfg.shares_total, 10u);
  EXPECT_TRUE(cfg.peers_preferred.empty());
}

TEST(TahoeCfg, is_read_as_a_node_writes_it) {
  const TahoeCfg cfg =
      parse_tahoe_cfg(
          "# -*- mode: conf; coding: utf-8 -*-\r\n\r\n"
          "[node]\r\nnickname = gr\xc3\xbcn\r\nweb.port =\r\n"
          "tub.port = tcp:8098:interface=127.0.0.1\r\ntub.location = tcp:example.org:8098,tcp:[::1]:8098\r\n"
          "[client]\nshares.needed = 2\nshares.happy: 3\nshares.total=4\npeers.preferred = v0-a, v0-b,,\v\tv0-c\f"
          ",\n"
          "; helper.furl = pb://x\n#shares.needed = 9\n"
          "[storage]\nenabled = True\nreadonly = yes\nreserved_space = 1G\nstorage_dir = /srv/shares\n"
          "expire.enabled = false\n[helper]\nenabled = false\n")
          .value();
  EXPECT_EQ(cfg.nickname, "gr\xc3\xbcn");
  EXPECT_EQ(cfg.tub_port, "tcp:8098:interface=127.0.0.1");
  EXPECT_EQ(cfg.tub_location, "tcp:example.org:8098,tcp:[::1]:8098");
  EXPECT_EQ(cfg.shares_needed, 2u);
  EXPECT_EQ(cfg.shares_happy, 3u);
  EXPECT_EQ(cfg.shares_total, 4u);
  EXPECT_EQ(cfg.peers_preferred, (std::vector<std::string>{"v0-a", "v0-b", "v0-c"}));
  EXPECT_TRUE(cfg.storage_enabled) << "[helper] enabled is another key";
  EXPECT_TRUE(cfg.readonly);
  EXPECT_EQ(cfg.reserved_space_bytes, 1'000'000'000u);
  EXPECT_EQ(cfg.storage_dir, "/srv/shares");
}

TEST(TahoeCfg, takes_the_last_of_a_key_that_is_there_twice) {
  EXPECT_EQ(parse_tahoe_cfg("[node]\nnickname = a\nnickname = b\n").value().nickname, "b");
  EXPECT_EQ(parse_tahoe_cfg("[node]\nnickname = a\n[storage]\nreadonly = 1\n[node]\nnickname = b\n").value().nickname,
            "b");
  EXPECT_EQ(parse_tahoe_cfg("[client]\npeers.preferred = a\npeers.preferred = b\n").value().peers_preferred,
            std::vector<std::string>{"b"});
  EXPECT_EQ(parse_tahoe_cfg("[storage]\nreserved_space = much\nreserved_space = 1G\n").value().reserved_space_bytes,
            1'000'000'000u)
      << "an earlier one is not looked at";
}

TEST(TahoeCfg, knows_its_keys_in_any_case_as_tahoe_does) {
  EXPECT_TRUE(parse_tahoe_cfg("[storage]\nReadOnly = true\n").value().readonly);
  EXPECT_EQ(parse_tahoe_cfg("[node]\nNickname = Mixed\n").value().nickname, "Mixed");
}

TEST(TahoeCfg, ignores_what_it_does_not_know) {
  EXPECT_EQ(error_of("[node]\nweb.port = tcp:3456\n[tor]\ntor.enabled = maybe\n[nosuch]\nx = y\n"), "");
  EXPECT_TRUE(mentions(error_of("nickname = outside\n"), "line 1")) << "a key before any section";
}

TEST(TahoeCfg, knows_true_and_false_by_their_names) {
  for (const char* text : {"true", "True", "TRUE", "yes", "on", "1"}) {
    EXPECT_TRUE(parse_tahoe_cfg(std::string("[storage]\nreadonly = ") + text).value().readonly) << text;
  }
  for (const char* text : {"false", "False", "no", "OFF", "0"}) {
    EXPECT_FALSE(parse_tahoe_cfg(std::string("[storage]\nenabled = ") + text).value().storage_enabled) << text;
  }
  for (const char* text : {"", "2", "enabled", "t", "true false"}) {
    EXPECT_NE(error_of(std::string("[storage]\nreadonly = ") + text), "") << text;
  }
}

TEST(TahoeCfg, holds_shares_within_their_bounds) {
  const auto shares = [](const std::string& needed, const std::string& happy, const std::string& total) {
    return error_of("[client]\nshares.needed=" + needed + "\nshares.happy=" + happy + "\nshares.total=" + total + "\n");
  };
  EXPECT_EQ(shares("1", "1", "1"), "");
  EXPECT_EQ(shares("256", "256", "256"), "");
  EXPECT_EQ(shares("3", "1", "10"), "") << "happy may be below needed";
  EXPECT_NE(shares("0", "1", "1"), "");
  EXPECT_NE(shares("1", "0", "1"), "");
  EXPECT_NE(shares("1", "1", "0"), "");
  EXPECT_NE(shares("4", "3", "3"), "");
  EXPECT_NE(shares("3", "4", "3"), "");
  EXPECT_NE(shares("1", "1", "257"), "");
  EXPECT_NE(shares("-1", "1", "1"), "");
  EXPECT_NE(shares("3", "7", "ten"), "");
  EXPECT_NE(error_of("[client]\nshares.total = 5\n"), "") << "the default of happy is 7";
}

TEST(TahoeCfg, says_where_it_is_wrong) {
  EXPECT_TRUE(mentions(error_of("[node]\nnickname = a\nnot a setting\n"), "line 3"));
  EXPECT_TRUE(mentions(error_of("[node]\n\n# x\n[broken\nnickname = a\n"), "line 4"));
  EXPECT_TRUE(
      mentions(error_of("[storage]\nreserved_space = much\n"), "tahoe.cfg: line 2: [storage] reserved_space: "));
  EXPECT_TRUE(mentions(error_of("[storage]\nreserved_space = much\n"), "\"much\""));
}

TEST(TahoeCfg, keeps_a_semicolon_and_a_hash_of_a_value) {
  EXPECT_EQ(parse_tahoe_cfg("[node]\nnickname = a ; b # c\n").value().nickname, "a ; b # c");
}

TEST(TahoeCfg, has_preferred_servers_behind_commas_and_on_lines_of_their_own) {
  const std::vector<std::string> expected = {"v0-a", "v0-b", "v0-c"};
  for (const char* value :
       {"v0-a,v0-b,v0-c", " v0-a , v0-b,, v0-c,", "v0-a,\n  v0-b,\n  v0-c", "\n  v0-a\n\tv0-b\n  # no\n\n  v0-c\n"}) {
    EXPECT_EQ(parse_tahoe_cfg(std::string("[client]\npeers.preferred =") + value + "\nshares.total = 9\n")
                  .value()
                  .peers_preferred,
              expected)
        << value;
  }
}

TEST(TahoeCfg, reads_long_lines_whole) {
  std::string ids;
  std::vector<std::string> expected;
  for (int i = 0; i < 1'000; ++i) {
    expected.push_back("v0-" + std::to_string(i) + std::string(52, 'a'));
    ids += expected.back() + ", ";
  }
  const TahoeCfg cfg = parse_tahoe_cfg("# " + std::string(5'000, ' ') + "\n[client]\npeers.preferred = " + ids +
                                       "\n[storage]\nreadonly = true\n")
                           .value();
  EXPECT_EQ(cfg.peers_preferred, expected);
  EXPECT_TRUE(cfg.readonly);
}

TEST(TahoeCfg, has_two_percent_signs_for_one_and_no_references) {
  EXPECT_EQ(parse_tahoe_cfg("[node]\nnickname = 100%% a%b%\n").value().nickname, "100% a%b%");
  EXPECT_EQ(parse_tahoe_cfg("[node]\nnickname = %%(x)s\n").value().nickname, "%(x)s");
  EXPECT_TRUE(mentions(error_of("[storage]\nstorage_dir = %(home)s/shares\n"), "line 2: [storage] storage_dir: "));
}

TEST(TahoeCfg, is_text_of_at_most_a_mebibyte) {
  EXPECT_TRUE(mentions(error_of(std::string("[node]\nnickname = a\0b\n", 21)), "tahoe.cfg: line 2: a NUL byte"));
  EXPECT_EQ(error_of(std::string(1'048'576, '\n')), "");
  EXPECT_EQ(error_of(std::string(1'048'577, '\n')), "tahoe.cfg: larger than 1 MiB");
}

TEST(Date, is_midnight_of_a_day_that_there_is) {
  EXPECT_EQ(parse_date("1970-01-01"), 0);
  EXPECT_EQ(parse_date("2026-03-01"), 1'772'323'200);
  EXPECT_EQ(parse_date("2024-02-29"), 1'709'164'800);
  for (const char* text : {"", "2026", "2026-1-1", "2026-02-29", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32",
                           "01-01-2026", "2026/01/01", "2026-01-01T00:00:00", " 2026-01-01", "-026-01-01"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(LeaseDuration, has_a_unit_that_is_not_to_be_mistaken) {
  EXPECT_EQ(parse_lease_seconds("60 days"), 60 * kDay);
  EXPECT_EQ(parse_lease_seconds("1day"), kDay);
  EXPECT_EQ(parse_lease_seconds("2mo"), 62 * kDay);
  EXPECT_EQ(parse_lease_seconds("3 Months"), 93 * kDay);
  EXPECT_EQ(parse_lease_seconds("1 year"), 365 * kDay);
  EXPECT_EQ(parse_lease_seconds("90 s"), 90u);
  for (const char* text : {"", "31", "2m", "2 min", "5 h", "days", "-1 day", "1.5 days", "1 week"})
    EXPECT_FALSE(parse_lease_seconds(text)) << text;
}

TEST(TahoeCfg, expires_nothing_by_default) {
  for (const char* text : {"", "[storage]\nexpire.mode = age\nexpire.override_lease_duration = 1 day\n",
                           "[storage]\nexpire.enabled = false\n"}) {
    EXPECT_FALSE(parse_tahoe_cfg(text)->expire.enabled) << text;
  }
}

TEST(TahoeCfg, says_which_leases_have_ended) {
  const ExpireCfg by_age =
      parse_tahoe_cfg(
          "[storage]\nexpire.enabled = true\nexpire.mode = age\nexpire.override_lease_duration = 2 months\n"
          "expire.mutable = false\n")
          ->expire;
  EXPECT_TRUE(by_age.enabled && by_age.immutable && !by_age.mutable_slots);
  EXPECT_EQ(by_age.mode, ExpireCfg::Mode::age);
  EXPECT_EQ(by_age.override_lease_seconds, 62 * kDay);
  const ExpireCfg by_date =
      parse_tahoe_cfg(
          "[storage]\nexpire.enabled = yes\nexpire.mode = cutoff-date\nexpire.cutoff_date = 2026-03-01\n"
          "expire.immutable = no\n")
          ->expire;
  EXPECT_TRUE(by_date.enabled && !by_date.immutable && by_date.mutable_slots);
  EXPECT_EQ(by_date.mode, ExpireCfg::Mode::cutoff_date);
  EXPECT_EQ(by_date.cutoff_date, 1'772'323'200);
}

TEST(TahoeCfg, does_not_guess_what_may_be_deleted) {
  const std::string on = "[storage]\nexpire.enabled = true\n";
  EXPECT_TRUE(mentions(error_of(on), "expire.mode"));
  EXPECT_TRUE(mentions(error_of(on + "expire.mode = cutoff-date\n"), "expire.cutoff_date"));
  EXPECT_TRUE(mentions(error_of(on + "expire.mode = aged\n"), "line 3"));
  EXPECT_TRUE(mentions(error_of(on + "expire.mode = age\nexpire.override_lease_duration = 31\n"), "line 4"));
  EXPECT_TRUE(mentions(error_of(on + "expire.mode = cutoff-date\nexpire.cutoff_date = tomorrow\n"), "line 4"));
  EXPECT_TRUE(mentions(error_of("[storage]\nexpire.enabled = maybe\n"), "line 2"));
}

TEST(HoldfastCfg, of_nothing_has_its_defaults) {
  const HoldfastCfg cfg = parse_holdfast_cfg("").value();
  EXPECT_EQ(cfg.partial_retention_seconds, 7 * kDay);
  EXPECT_EQ(cfg.partial_idle_seconds, 1'800u);
  EXPECT_FALSE(cfg.partial_bytes_max);
  EXPECT_EQ(cfg.partial_per_share_max, 2u);
  EXPECT_FALSE(cfg.admin_port);
}

TEST(HoldfastCfg, sets_the_limits_of_partial_uploads) {
  const HoldfastCfg cfg =
      parse_holdfast_cfg(
          "[storage]\npartial.retention = 2 days\npartial.idle = 1 hour\npartial.max_bytes = 100 GiB\n"
          "partial.max_per_share = 5\nadmin.port = 8099\n")
          .value();
  EXPECT_EQ(cfg.partial_retention_seconds, 2 * kDay);
  EXPECT_EQ(cfg.partial_idle_seconds, 3'600u);
  EXPECT_EQ(cfg.partial_bytes_max, std::uint64_t{100} << 30);
  EXPECT_EQ(cfg.partial_per_share_max, 5u);
  EXPECT_EQ(cfg.admin_port, 8099);
}

TEST(HoldfastCfg, has_a_gateway_when_it_has_a_port) {
  EXPECT_FALSE(parse_holdfast_cfg("").value().gateway.port);
  const GatewayCfg cfg = parse_holdfast_cfg(
                             "[gateway]\nport = 3456\nbind = ::1\nplain_http_beyond_loopback = yes\n"
                             "hosts = Files.example.org, other\ncache = 1GiB\n")
                             .value()
                             .gateway;
  EXPECT_EQ(cfg.port, 3456);
  EXPECT_EQ(cfg.bind, "::1");
  EXPECT_TRUE(cfg.plain_http_beyond_loopback);
  EXPECT_EQ(cfg.hosts, (std::vector<std::string>{"files.example.org", "other"}));
  EXPECT_EQ(cfg.cache_bytes, 1'073'741'824u);
  const GatewayCfg uploads =
      parse_holdfast_cfg(
          "[gateway]\nport = 0\npublic_url = https://files.example\norigins = https://a.example\n"
          "max_upload_bytes = 5G\nmax_uploads = 7\nretention = 2 days\n")
          .value()
          .gateway;
  EXPECT_EQ(uploads.public_url, "https://files.example/");
  EXPECT_EQ(uploads.origins, std::vector<std::string>{"https://a.example"});
  EXPECT_EQ(uploads.upload_bytes_max, 5'000'000'000U);
  EXPECT_EQ(uploads.uploads_max, 7U);
  EXPECT_EQ(uploads.retention_seconds, 172'800U);
  EXPECT_FALSE(parse_holdfast_cfg("[gateway]\nport = 0\npublic_url = files.example\n"));
  const GatewayCfg plain = parse_holdfast_cfg("[gateway]\nport = 0\n").value().gateway;
  EXPECT_EQ(plain.port, 0);
  EXPECT_EQ(plain.bind, "127.0.0.1");
  EXPECT_FALSE(plain.plain_http_beyond_loopback);
  EXPECT_FALSE(parse_holdfast_cfg("[gateway]\nport = 65536\n"));
  EXPECT_FALSE(parse_holdfast_cfg("[gateway]\nprot = 1\n"));
}

TEST(HoldfastCfg, may_switch_the_extension_off) {
  EXPECT_EQ(parse_holdfast_cfg("[storage]\npartial.retention = 0\n").value().partial_retention_seconds, 0u);
}

TEST(HoldfastCfg, refuses_misspelt_keys_and_values_out_of_bounds) {
  for (const char* text :
       {"[storage]\npartial.max_byte = 1G\n", "[node]\npartial.retention = 1 day\n", "partial.retention = 1 day\n",
        "[storage]\nreadonly = true\n", "[storage]\npartial.idle = 29 min\n", "[storage]\npartial.idle = 0\n",
        "[storage]\npartial.retention = forever\n", "[storage]\npartial.retention = 7\n", "[helper]\nretention = 7\n",
        "[helper]\nidle = 1800\n", "[gateway]\nretention = 7\n", "[storage]\npartial.max_per_share = 1001\n",
        "[storage]\nadmin.port = 65536\n", "[storage]\nadmin.port = tcp:80\n", "[storage]\npartial.max_bytes = -1\n"}) {
    const auto cfg = parse_holdfast_cfg(text);
    ASSERT_FALSE(cfg) << text;
    EXPECT_EQ(cfg.error().code, Errc::malformed);
    EXPECT_TRUE(mentions(cfg.error().what, "holdfast.cfg: "));
  }
}

}  // namespace
}  // namespace holdfast::config
