// A port for a node that is being made.
#pragma once

#include <cstdint>
#include <string>

#include "holdfast/core/base/random.h"
#include "holdfast/core/base/result.h"

namespace holdfast::cli {

/// Can a node listen on this, here or elsewhere? Errors: malformed for what is neither an address nor a name that leads to one.
Result<void> check_address(const std::string& host);

/// One that is free now, at random. It is written down, so that the node is found there from now on. Errors: io.
Result<std::uint16_t> choose_port(const std::string& host, Random& random);

}  // namespace holdfast::cli
