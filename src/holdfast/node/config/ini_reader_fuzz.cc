// Whatever the text: what was understood, written down anew, is understood the same; every error names a line.
#include "holdfast/core/base/bytes.h"
#include "holdfast/core/base/check.h"
#include "holdfast/node/config/ini_reader.h"

namespace {

using namespace holdfast;
using namespace holdfast::config;

/// Without a line feed at its end: no longer than what it was read from.
std::string written(const std::map<IniKey, IniValue>& ini) {
  std::string out;
  const std::string* section = nullptr;
  for (const auto& [key, value] : ini) {
    if (section == nullptr || *section != key.section) out += (section == nullptr ? "[" : "\n[") + key.section + "]";
    section = &key.section;
    out += "\n" + key.name + "=";
    for (char c : value.text) out += c == '\n' ? std::string("\n ") : std::string(1, c);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ini = read_ini(text_of({data, size}));
  if (!ini) {
    HF_CHECK(ini.error().code == Errc::malformed && (ini.error().what.starts_with("line ") || size > kIniBytesMax));
    return 0;
  }
  const auto again = read_ini(written(*ini));
  HF_CHECK(again && again->size() == ini->size());
  for (const auto& [key, value] : *ini) HF_CHECK(again->contains(key) && again->at(key).text == value.text);
  return 0;
}
