// How progress looks: one line, drawn again and again on a terminal, now and then elsewhere.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "holdfast/edge/io/loop.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::cli {

/// "12.3 MiB", "1.0 GiB".
std::string format_bytes(std::uint64_t bytes);
/// "0:42", "1:02:03".
std::string format_seconds(double seconds);

/// `speed`: bytes of progress per second, 0 when not known yet. A line that is too long for `width` has a shorter bar, or none, before
/// its end is cut.
std::string progress_line(const transfer::Progress& progress, double speed, std::size_t width);

/// Draws until destroyed. `mode`: auto, bar, plain, json or none (see --help). `refresh` is called before `progress` is read.
class ProgressDisplay {
 public:
  ProgressDisplay(io::Loop& loop, const transfer::Progress& progress, const std::string& mode,
                  std::function<void()> refresh = {});
  ~ProgressDisplay();

 private:
  void tick();
  void draw();
  io::Loop& loop_;
  const transfer::Progress& progress_;
  const std::function<void()> refresh_;
  enum class Style { none, bar, plain, json } style_;
  std::unique_ptr<io::Loop::Timer> timer_;
  io::Time last_tick_, last_drawn_{};
  std::uint64_t last_bytes_ = 0;
  double speed_ = 0;
  std::string last_line_;
};

}  // namespace holdfast::cli
