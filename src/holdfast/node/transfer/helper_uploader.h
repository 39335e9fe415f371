// put through helpers: which one, what becomes of its word, and when to go around it.
#pragma once

#include <optional>

#include "holdfast/node/transfer/prepared_upload.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

/// What came of trying the helpers.
struct HelperOutcome {
  std::optional<UploadReport> report;  // nothing: none of them would do; the upload goes direct
  std::vector<std::string> warnings;   // why
  ViaHelper via;
};

/// Tries the helpers of the context, the one that holds most of the file first. A helper is believed nothing: the extension
/// block must be the client's own, the shares are asked for at the servers, as far as the node knows any.
/// Errors: those of the source, cancelled. What helpers have stays there for the next time.
io::Task<Result<HelperOutcome>> upload_through_helpers(const Context& context, const Prepared& prepared,
                                                       const UploadOptions& options, Progress& progress);

}  // namespace holdfast::transfer
