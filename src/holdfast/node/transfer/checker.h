// check: what servers say they have. verify: every byte of it, tied to the cap.
#pragma once

#include "holdfast/core/cap/cap.h"
#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

struct CheckOptions {
  bool verify = false;
  bool add_lease = false;
  Patience patience;
};

/// Read caps and verify caps; a literal has nothing to check (healthy). Contacts every known server.
io::Task<Result<CheckReport>> check(const Context& context, cap::Cap cap, CheckOptions options, Progress& progress);

/// Downloads the ciphertext and writes the missing shares, keeping the original URI extension block byte for
/// byte. Corrupt copies found by a verify count as absent. Errors: as of download; corrupt when the recomputed
/// roots differ from the original ones (nothing is then completed on any server).
io::Task<Result<RepairReport>> repair(const Context& context, cap::Cap cap, CheckOptions options, Progress& progress);

}  // namespace holdfast::transfer
