// What a file is, by its name. A closed list: what is not in it is just bytes.
#pragma once

#include <string_view>

namespace holdfast::gateway {

/// By the extension, without regard to case; "application/octet-stream" for every other.
std::string_view media_type_of(std::string_view file_name);

/// The Content-Security-Policy of a file that somebody else wrote: as narrow a sandbox as browsers show it in. Empty for what they
/// show in none, and which cannot run a script in our origin.
std::string_view sandbox_of(std::string_view media_type);

}  // namespace holdfast::gateway
