// The line at the foot of a terminal that is drawn again and again. Whatever else is said wipes it first, so that a cap stands alone.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "holdfast/edge/io/log.h"

namespace holdfast::cli {

/// Characters that fit into one line of the terminal; a wide one where stderr is none.
std::size_t line_width();
/// To stderr, in the place of the one that was drawn before.
void draw_line(std::string_view line);
/// Nothing is left of it; it may be drawn again below.
void wipe_drawn_line();
/// It stays, and what follows stands below it.
void leave_drawn_line();

/// A log on the same terminal.
std::unique_ptr<io::Log> wiping_drawn_line(std::unique_ptr<io::Log> log);

}  // namespace holdfast::cli
