// How many files and connections this process may have open.
#pragma once

#include <cstddef>

namespace holdfast::io {

/// As many as the system lets it have: what a shell or systemd gives by default is for older habits. A connection takes one, an
/// upload in progress two.
void take_all_descriptors();

/// The present limit (RLIMIT_NOFILE).
std::size_t descriptors_max();

}  // namespace holdfast::io
