// What every reader of a file begins with: get, and the web gateway.
#pragma once

#include "holdfast/core/cap/cap.h"
#include "holdfast/core/immutable/share_reader.h"

namespace holdfast::transfer {

/// The cap with which a file can be read. Errors: unsupported for a verify cap, malformed for what is no file's cap.
Result<cap::ChkReadCap> readable(const cap::Cap& cap);

/// Of a file in bytes, by its cap, which may be a literal. Errors as readable().
Result<std::uint64_t> size_of(const cap::Cap& cap);

/// What its shares must prove.
immutable::FileClaim claim_of(const cap::ChkReadCap& cap);

}  // namespace holdfast::transfer
