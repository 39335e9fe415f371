// What another machine says of itself, before a person or a program reads it here.
#pragma once

#include <algorithm>
#include <string>

namespace holdfast {

/// A control character would act on the terminal, and what is not ASCII may be no UTF-8, which JSON must be.
inline std::string printable(std::string text) {
  const auto strange = [](unsigned char c) { return c < 32 || c > 126; };
  std::ranges::replace_if(text, strange, ' ');
  return text;
}

}  // namespace holdfast
