// What a file is, by its name. A closed list: what is not in it is just bytes.
#pragma once

#include <string_view>

namespace holdfast::gateway {

/// By the extension, without regard to case; "application/octet-stream" for every other.
std::string_view media_type_of(std::string_view file_name);

/// May a browser show it without the sandbox? Only what cannot run a script in our origin, and would not be shown in a
/// sandbox.
bool shows_only_without_sandbox(std::string_view media_type);

}  // namespace holdfast::gateway
