#include "holdfast/node/config/ini_reader.h"

#include <algorithm>

#include "holdfast/core/protocol/utf8.h"

namespace holdfast::config {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

/// What the lines so far have made.
struct Reading {
  std::map<IniKey, IniValue> values;
  std::string section;          // "" before the first one
  IniValue* value = nullptr;    // that an indented line would continue
  std::size_t indent = 0;       // of the line that is continued
  std::size_t blank_lines = 0;  // since then: they belong to the value when it goes on

  Result<void> take(std::string_view line, std::size_t number) {
    if (line.size() > kIniLineBytesMax) return fail(Errc::malformed, "longer than 64 KiB");
    if (line.find('\0') != std::string_view::npos) return fail(Errc::malformed, "a NUL byte");
    if (!protocol::is_utf8(line)) return fail(Errc::malformed, "not UTF-8");
    const std::string_view content = trim(line);
    if (content.empty()) {
      ++blank_lines;
      return {};
    }
    if (content[0] == '#' || content[0] == ';') return {};
    const std::size_t depth = line.find_first_not_of(kBlanks);
    if (value != nullptr && depth > indent) {
      value->text.append(value->text.empty() ? 0 : blank_lines + 1, '\n').append(content);
      blank_lines = 0;
      return {};
    }
    value = nullptr;
    indent = depth;
    return content[0] == '[' ? begin_section(content) : set(content, number);
  }

  Result<void> begin_section(std::string_view content) {
    const std::size_t close = content.rfind(']');
    if (close == std::string_view::npos || close == 1) return fail(Errc::malformed, "[ without a name and ]");
    section = std::string(content.substr(1, close - 1));
    return {};
  }

  Result<void> set(std::string_view content, std::size_t number) {
    const std::size_t sign = content.find_first_of("=:");
    if (sign == std::string_view::npos || sign == 0) return fail(Errc::malformed, "neither [section] nor key = value");
    if (section.empty()) return fail(Errc::malformed, "a key before any [section]");
    value = &values[{section, lower(trim(content.substr(0, sign)))}];
    *value = {std::string(trim(content.substr(sign + 1))), number};
    blank_lines = 0;
    if (values.size() > kIniSettingsMax) return fail(Errc::malformed, "more than 10000 settings");
    return {};
  }
};

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(kBlanks), text.size());
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

Result<std::map<IniKey, IniValue>> read_ini(std::string_view text) {
  if (text.size() > kIniBytesMax) return fail(Errc::malformed, "larger than 1 MiB");
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the mark that Windows editors put there
  Reading reading;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto taken = reading.take(text.substr(0, end), number); !taken) {
      return fail_in("line " + std::to_string(number), taken.error());
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return std::move(reading.values);
}

}  // namespace holdfast::config
