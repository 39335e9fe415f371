// What commands print. A stream that takes nothing more (a full disk, a reader that left) never stops a transfer.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>

namespace holdfast::cli {

/// That it could not be written is not told here: on stderr nobody could be told, and for stdout there is finish_output.
void write_text(std::FILE* to, std::string_view text);

template <class... Args>
void say(std::FILE* to, fmt::format_string<Args...> format, Args&&... args) {
  write_text(to, fmt::format(format, std::forward<Args>(args)...));
}
/// To stdout.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  write_text(stdout, fmt::format(format, std::forward<Args>(args)...));
}

/// A line to stdout, at once. False: it, or something before it, did not get there.
[[nodiscard]] bool hand_over(std::string_view line);
/// The same of what will be kept nowhere else: in a file it stays when the power fails.
[[nodiscard]] bool hand_over_for_good(std::string_view line);

/// What a program that is to end with `code` ends with: a result that could not be written is none.
int finish_output(int code);

/// A standard stream that is closed fails from now on; else the next file or connection would be taken for it.
void occupy_standard_streams();

}  // namespace holdfast::cli
