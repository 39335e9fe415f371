// INI text as Python's configparser reads it, as far as a tahoe.cfg can tell (docs/decisions/0005-own-ini-reader.md).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "holdfast/core/base/result.h"

namespace holdfast::config {

inline constexpr std::size_t kIniBytesMax = 1'048'576;
inline constexpr std::size_t kIniLineBytesMax = 65'536;  // a thousand server ids
inline constexpr std::size_t kIniSettingsMax = 10'000;

struct IniKey {
  std::string section;  // as it is written
  std::string name;     // in lower case
  auto operator<=>(const IniKey&) const = default;
};
struct IniValue {
  std::string text;      // without blanks around it; the lines of a continued value with line feeds between them
  std::size_t line = 0;  // where it begins, from 1
};

/// Without blanks around it, as values are.
std::string_view trim(std::string_view text);

/// Sections, `key = value`, `key: value`; values go on on lines that are indented deeper than their key. Comments are
/// whole lines that begin with # or ;: behind a value these are part of it. Of a key that is there twice the last one
/// counts. Errors: malformed with the line.
Result<std::map<IniKey, IniValue>> read_ini(std::string_view text);

}  // namespace holdfast::config
