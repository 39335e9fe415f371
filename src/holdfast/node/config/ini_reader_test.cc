#include "holdfast/node/config/ini_reader.h"

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using Settings = std::map<std::string, std::string>;  // "section/key" and value

Settings read(std::string_view text) {
  const auto ini = read_ini(text);
  if (!ini) {
    ADD_FAILURE() << ini.error().what;
    return {};
  }
  Settings out;
  for (const auto& [key, value] : *ini) out[key.section + "/" + key.name] = value.text;
  return out;
}

/// What is wrong; empty when nothing is.
std::string error_of(std::string_view text) {
  const auto ini = read_ini(text);
  if (ini) return {};
  EXPECT_EQ(ini.error().code, Errc::malformed);
  return ini.error().what;
}

TEST(IniReader, has_keys_in_sections_behind_equals_signs_and_colons) {
  EXPECT_EQ(read("[a]\nx = 1\ny: 2\nz=3\n[b c]\n x\t=\t4 \n"),
            (Settings{{"a/x", "1"}, {"a/y", "2"}, {"a/z", "3"}, {"b c/x", "4"}}));
  EXPECT_EQ(read("[a]\nx = y=z:w\ny: z = w\n"), (Settings{{"a/x", "y=z:w"}, {"a/y", "z = w"}}))
      << "the first one divides";
}

TEST(IniReader, may_be_empty) {
  for (const char* text : {"", "\n", "\r\n", "# only\n", "[a]", "[a]\n[b]\n", "\xef\xbb\xbf", "  \t \n"}) {
    EXPECT_EQ(read(text), Settings{}) << text;
  }
}

TEST(IniReader, lowers_keys_and_nothing_else) {
  EXPECT_EQ(read("[Node]\nNickName = Mixed\n"), (Settings{{"Node/nickname", "Mixed"}}));
  EXPECT_EQ(read("[a]\nGR\xc3\x9c = x\n"), (Settings{{"a/gr\xc3\x9c", "x"}})) << "ASCII, that is";
}

TEST(IniReader, has_comments_on_lines_of_their_own_only) {
  EXPECT_EQ(read("# x = 1\n[a]\n; y = 2\n  # z = 3\nx = v # not a comment\ny = a ; b\nz = #1\n[b] # whatever\nx = 1\n"),
            (Settings{{"a/x", "v # not a comment"}, {"a/y", "a ; b"}, {"a/z", "#1"}, {"b/x", "1"}}));
  EXPECT_EQ(read("[a]b]\nx = 1\n"), (Settings{{"a]b/x", "1"}})) << "the last ] ends a name";
}

TEST(IniReader, goes_on_with_a_value_on_deeper_lines) {
  EXPECT_EQ(read("[a]\nx = 1\n  2\n\t3 = 4\n [5]\ny = 6\n"), (Settings{{"a/x", "1\n2\n3 = 4\n[5]"}, {"a/y", "6"}}));
  EXPECT_EQ(read("[a]\nx =\n  1\n  2\n"), (Settings{{"a/x", "1\n2"}})) << "and begins one there";
  EXPECT_EQ(read("[a]\nx = 1\n\n  2\n# 3\n\n\n  4\n\n\ny = 5\n\n"), (Settings{{"a/x", "1\n\n2\n\n\n4"}, {"a/y", "5"}}));
  EXPECT_EQ(read("[a]\n  x = 1\n  y = 2\n z = 3\n  w\n"), (Settings{{"a/x", "1"}, {"a/y", "2"}, {"a/z", "3\nw"}}))
      << "deeper than its key";
  EXPECT_EQ(read("[a]\nx = 1\n\n\ny = 2\n  3\n"), (Settings{{"a/x", "1"}, {"a/y", "2\n3"}}));
  EXPECT_EQ(read("[a]\nx = 1\n\n[b]\n  y = 2\n"), (Settings{{"a/x", "1"}, {"b/y", "2"}})) << "a section ends a value";
}

TEST(IniReader, takes_the_last_of_a_key_that_is_there_twice) {
  EXPECT_EQ(read("[a]\nx = 1\n  2\nX: 3\n[b]\nx = 4\n[a]\ny = 5\n"),
            (Settings{{"a/x", "3"}, {"b/x", "4"}, {"a/y", "5"}}));
  EXPECT_EQ(read("[a]\nx = 1\n[b]\n[a]\nx = 2\n  3\n"), (Settings{{"a/x", "2\n3"}}));
}

TEST(IniReader, takes_any_ends_of_lines_and_a_mark_before_the_first) {
  EXPECT_EQ(read("\xef\xbb\xbf[a]\r\nx = 1\r\n  2\r\n\r\ny = 3"), (Settings{{"a/x", "1\n2"}, {"a/y", "3"}}));
}

TEST(IniReader, tells_where_a_value_begins) {
  const auto ini = read_ini("\n[a]\n# c\nx = 1\n  2\ny =\n  3\n").value();
  EXPECT_EQ(ini.at({"a", "x"}).line, 4u);
  EXPECT_EQ(ini.at({"a", "y"}).line, 6u);
}

TEST(IniReader, names_the_line_that_is_none) {
  const std::pair<const char*, const char*> cases[] = {
      {"x = 1\n", "line 1: a key before any [section]"},
      {"[a]\n\nx = 1\ny\n", "line 4: neither [section] nor key = value"},
      {"[a]\n= 1\n", "line 2: neither [section] nor key = value"},
      {"[a]\nx = 1\n[b\n", "line 3: [ without a name and ]"},
      {"#\n[]\n", "line 2: [ without a name and ]"},
      {"[a]\n  x = 1\n\n y\n", "line 4: neither [section] nor key = value"},
      {"[a]\n  x\n", "line 2: neither [section] nor key = value"},
      {"[a]\nx = \xff\n", "line 2: not UTF-8"},
      {"[a]\n# \xe9\n", "line 2: not UTF-8"},
  };
  for (const auto& [text, error] : cases) EXPECT_EQ(error_of(text), error) << text;
  EXPECT_EQ(error_of(std::string_view("[a]\nx = 1\0\n", 11)), "line 2: a NUL byte");
}

TEST(IniReader, has_limits) {
  const std::string longest = "[a]\nx=" + std::string(kIniLineBytesMax - 2, 'v');
  EXPECT_EQ(read(longest + "\ny=2\n").at("a/x").size(), kIniLineBytesMax - 2);
  EXPECT_EQ(error_of(longest + "v\n"), "line 2: longer than 64 KiB");
  EXPECT_EQ(error_of(std::string(kIniBytesMax, '\n')), "");
  EXPECT_EQ(error_of(std::string(kIniBytesMax + 1, '\n')), "larger than 1 MiB");
  std::string many = "[a]\n";
  for (std::size_t i = 0; i < kIniSettingsMax; ++i) many += "k" + std::to_string(i) + "=\n";
  EXPECT_EQ(read(many + "k0=again\n").size(), kIniSettingsMax);
  EXPECT_EQ(error_of(many + "more=\n"), "line 10002: more than 10000 settings");
}

}  // namespace
}  // namespace holdfast::config
