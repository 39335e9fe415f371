#include "holdfast/cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>

#include "holdfast/cli/drawn_line.h"
#include "holdfast/cli/say.h"

namespace holdfast::cli {
namespace {

constexpr auto kTick = std::chrono::milliseconds(200);
constexpr auto kPlainEvery = std::chrono::seconds(5);
constexpr std::size_t kBarMax = 24, kBarLeast = 6;

std::uint64_t position(const transfer::Progress& progress) {
  return progress.phase == transfer::Phase::hashing ? progress.hashed_bytes : progress.done_bytes;
}

std::uint64_t goal(const transfer::Progress& progress) {
  return progress.phase == transfer::Phase::hashing ? progress.file_bytes : progress.total_bytes;
}

std::string bar(double done, std::size_t length) {
  const auto filled = static_cast<std::size_t>(done * static_cast<double>(length));
  return "[" + std::string(filled, '=') + std::string(length - filled, ' ') + "] ";
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(std::max(0.0, seconds)));
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string progress_line(const transfer::Progress& progress, double speed, std::size_t width) {
  const std::uint64_t total = goal(progress), done = std::min(position(progress), total);
  const double part = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  std::string out;  // behind the phase and the bar
  if (total > 0) out += fmt::format("{:3.0f}%  {} of {}", 100 * part, format_bytes(done), format_bytes(total));
  if (speed >= 1) out += fmt::format("  {}/s", format_bytes(static_cast<std::uint64_t>(speed)));
  if (speed >= 1 && done < total && !progress.waiting_for_link)
    out += fmt::format("  {} left", format_seconds(static_cast<double>(total - done) / speed));
  if (progress.shares_total > 0) out += fmt::format("  shares {}/{}", progress.shares_placed, progress.shares_total);
  if (progress.enough && progress.shares_placed < progress.shares_total) out += " (enough; Ctrl-C leaves the rest)";
  if (progress.skipped_bytes > 0) out += fmt::format("  {} were there", format_bytes(progress.skipped_bytes));
  const bool some_on_the_way = progress.kept_bytes > 0 && progress.kept_bytes < done;
  if (progress.phase == transfer::Phase::sending && some_on_the_way)
    out += fmt::format("  {} safe there", format_bytes(progress.kept_bytes));
  if (progress.waiting_for_link) {
    out += "  waiting for the link: no server answers";
  } else if (!progress.note.empty()) {
    out += "  " + progress.note.substr(0, 60);
  }
  const std::string phase = fmt::format("{:<9} ", transfer::to_string(progress.phase));
  const std::size_t room = width - std::min(width, phase.size() + out.size() + bar(part, 0).size());
  const std::size_t length = std::min(room, kBarMax);
  std::string line = phase + (total > 0 && length >= kBarLeast ? bar(part, length) : "") + out;
  line.resize(std::min(line.size(), width));
  return line;
}

ProgressDisplay::ProgressDisplay(io::Loop& loop, const transfer::Progress& progress, const std::string& mode,
                                 std::function<void()> refresh)
    : loop_(loop), progress_(progress), refresh_(std::move(refresh)), last_tick_(loop.now()) {
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  style_ = mode == "none"    ? Style::none
           : mode == "bar"   ? Style::bar
           : mode == "plain" ? Style::plain
           : mode == "json"  ? Style::json
           : terminal        ? Style::bar
                             : Style::plain;
  last_drawn_ = loop.now();
  if (style_ != Style::none) tick();
}

ProgressDisplay::~ProgressDisplay() {
  timer_.reset();
  if (style_ == Style::bar) {
    if (refresh_) refresh_();
    draw();
    leave_drawn_line();
  }
}

void ProgressDisplay::tick() {
  timer_ = loop_.at(loop_.now() + kTick, [this] { tick(); });
  if (refresh_) refresh_();
  const io::Time now = loop_.now();
  const double seconds = std::chrono::duration<double>(now - last_tick_).count();
  const std::uint64_t bytes = position(progress_);
  if (seconds > 0.05) {
    const double current = bytes > last_bytes_ ? static_cast<double>(bytes - last_bytes_) / seconds : 0;
    speed_ = speed_ == 0 ? current : speed_ * 0.8 + current * 0.2;
    last_tick_ = now;
    last_bytes_ = bytes;
  }
  if (style_ == Style::bar || now - last_drawn_ >= kPlainEvery) {
    last_drawn_ = now;
    draw();
  }
}

void ProgressDisplay::draw() {
  if (style_ == Style::json) {
    say(stderr,
        "{{\"phase\":\"{}\",\"done_bytes\":{},\"total_bytes\":{},\"skipped_bytes\":{},\"kept_bytes\":{},"
        "\"shares_placed\":{},\"enough\":{},"
        "\"waiting_for_link\":{},\"note\":{}}}\n",
        transfer::to_string(progress_.phase), position(progress_), goal(progress_), progress_.skipped_bytes,
        progress_.kept_bytes, progress_.shares_placed, progress_.enough, progress_.waiting_for_link,
        boost::json::serialize(boost::json::string(progress_.note)));
    return;
  }
  const std::string line = progress_line(progress_, speed_, line_width());
  if (style_ == Style::bar) {
    draw_line(line);
  } else if (std::exchange(last_line_, line) != line) {  // not all through the night
    say(stderr, "{}\n", line);
  }
  std::fflush(stderr);
}

}  // namespace holdfast::cli
