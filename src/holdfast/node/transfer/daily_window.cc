#include "holdfast/node/transfer/daily_window.h"

#include <fmt/format.h>

#include <ctime>

namespace holdfast::transfer {
namespace {

constexpr auto kLook = std::chrono::seconds(1);
constexpr int kDay = 86'400;

/// Takes two digits, a number below `limit`.
std::optional<int> take_number(std::string_view& text, int limit) {
  const auto digit = [&](std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  if (!digit(0) || !digit(1)) return std::nullopt;
  const int out = (text[0] - '0') * 10 + (text[1] - '0');
  if (out >= limit) return std::nullopt;
  text.remove_prefix(2);
  return out;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

/// "HH:MM" or "HH:MM:SS"; "24:00" is the end of the day.
std::optional<int> take_time(std::string_view& text) {
  const auto hours = take_number(text, 25);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 60);
  if (!minutes) return std::nullopt;
  const auto seconds = take(text, ':') ? take_number(text, 60) : 0;
  if (!seconds) return std::nullopt;
  const int out = *hours * 3600 + *minutes * 60 + *seconds;
  return out <= kDay ? std::optional(out) : std::nullopt;
}

int local_second_of_day(std::int64_t wall_seconds) {
  const std::time_t when = wall_seconds;
  std::tm local{};
  ::localtime_r(&when, &local);
  return local.tm_hour * 3600 + local.tm_min * 60 + std::min(local.tm_sec, 59);  // not a leap second
}

}  // namespace

Result<DailyWindow> parse_daily_window(std::string_view text) {
  std::string_view rest = text;
  const auto begin = take_time(rest);
  const bool parted = take(rest, '-');
  const auto end = take_time(rest);
  if (!begin || !parted || !end || !rest.empty())
    return fail(Errc::malformed, fmt::format("a time of the day such as 01:00-05:00 is needed, not \"{}\"", text));
  const DailyWindow out{*begin % kDay, *end};
  if (out.begin == out.end % kDay && out.end != kDay)
    return fail(Errc::malformed, fmt::format("nothing lies between the two times of \"{}\"", text));
  return out;
}

bool is_open(const DailyWindow& window, std::int64_t wall_seconds) {
  const int now = local_second_of_day(wall_seconds);
  if (window.begin < window.end) return now >= window.begin && now < window.end;
  return now >= window.begin || now < window.end;
}

std::string begin_of(const DailyWindow& window) {
  const int hours = window.begin / 3600, minutes = window.begin / 60 % 60, seconds = window.begin % 60;
  return seconds == 0 ? fmt::format("{:02}:{:02}", hours, minutes)
                      : fmt::format("{:02}:{:02}:{:02}", hours, minutes, seconds);
}

void WindowGuard::look() {
  io::Loop& loop = work_.loop();
  closed_ = !is_open(window_, loop.wall_seconds());
  if (closed_) return work_.cancel();
  timer_ = loop.at(loop.now() + kLook, [this] { look(); });
}

io::Task<bool> until_open(DailyWindow window, Progress& progress) {
  io::Loop& loop = (co_await io::this_scope()).loop();
  if (is_open(window, loop.wall_seconds())) co_return true;
  progress = {};
  progress.note = "waiting until " + begin_of(window);
  do {
    const bool slept = co_await io::sleep_for(kLook);
    if (!slept) co_return false;
  } while (!is_open(window, loop.wall_seconds()));
  progress = {};
  co_return true;
}

}  // namespace holdfast::transfer
