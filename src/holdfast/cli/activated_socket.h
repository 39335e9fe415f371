// The socket that systemd made and listens on for us: sd_listen_fds(3) without its library.
#pragma once

#include <string>

#include "holdfast/core/base/result.h"

namespace holdfast::cli {

/// -1: there is none.
int activated_socket();

/// The address that it is bound to, whatever a file of ours says. Errors: malformed (a socket of another kind than TCP).
Result<std::string> address_of_socket(int descriptor);

}  // namespace holdfast::cli
