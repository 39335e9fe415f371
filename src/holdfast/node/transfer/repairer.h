// repair: the missing shares of a file made again, from the grid itself.
#pragma once

#include "holdfast/node/transfer/checker.h"

namespace holdfast::transfer {

/// Checks (or verifies), then downloads the ciphertext and places the shares that are missing, keeping the file's URI
/// extension block byte for byte. Copies that a verify found corrupt count as absent; their servers are not asked to
/// take that share. A healthy file is left alone.
/// No server is asked for room before the first segments are there: without k shares it waits, as patience allows.
/// Errors: as of check and download; corrupt when the file encodes to other roots than its shares have (nothing is
/// completed on any server then).
io::Task<Result<RepairReport>> repair(const Context& context, cap::ChkVerifyCap cap, CheckOptions options,
                                      Progress& progress);

}  // namespace holdfast::transfer
