// check: what servers say they have. verify: every byte of it, tied to the cap.
#pragma once

#include "holdfast/core/cap/cap.h"
#include "holdfast/node/transfer/link.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

struct CheckOptions {
  bool verify = false;
  bool add_lease = false;
  Patience patience;
};

/// The verify cap that stands for a cap. Errors: unsupported (a literal has no shares); malformed (not a file's cap).
Result<cap::ChkVerifyCap> verifiable(const cap::Cap& cap);

/// Contacts every known server; one that does not answer within its patience counts as not responding. Copies found
/// corrupt are reported to their server. Errors: unavailable (no server answered at all), timeout (none does any more, and
/// patience is over), unauthorized (all are others than those of their NURLs), malformed (the cap is not that of the file),
/// cancelled.
io::Task<Result<CheckReport>> check(const Context& context, cap::ChkVerifyCap cap, CheckOptions options,
                                    Progress& progress);

/// Distinct good shares, hosts, happiness and health from `report.shares`.
void sum_up(CheckReport& report);

}  // namespace holdfast::transfer
