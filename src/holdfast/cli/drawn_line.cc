#include "holdfast/cli/drawn_line.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <utility>

namespace holdfast::cli {
namespace {

constexpr std::string_view kWipe = "\r\033[K";
std::atomic<bool> drawn = false;  // of the one terminal that a program has; whoever logs may wipe it

void write_now(std::string_view text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), stderr));
  std::fflush(stderr);
}

class WipingLog final : public io::Log {
 public:
  explicit WipingLog(std::unique_ptr<io::Log> log) : log_(std::move(log)) {}
  bool enabled(io::LogLevel level) const override { return log_->enabled(level); }
  void write(io::LogLevel level, std::string_view message) override {
    if (enabled(level)) wipe_drawn_line();
    log_->write(level, message);
  }

 private:
  const std::unique_ptr<io::Log> log_;
};

}  // namespace

std::size_t line_width() {
  constexpr std::size_t kWide = 1'000;
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1u : kWide;  // in the last column some terminals go on to the next line
}

void draw_line(std::string_view line) {
  write_now(std::string(kWipe).append(line));
  drawn = true;
}

void wipe_drawn_line() {
  if (drawn.exchange(false)) write_now(kWipe);
}

void leave_drawn_line() {
  if (drawn.exchange(false)) write_now("\n");
}

std::unique_ptr<io::Log> wiping_drawn_line(std::unique_ptr<io::Log> log) {
  return std::make_unique<WipingLog>(std::move(log));
}

}  // namespace holdfast::cli
