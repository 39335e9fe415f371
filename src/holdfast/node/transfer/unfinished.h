// What a node has begun to upload and not finished: its journals.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/put_journal.h"

namespace holdfast::transfer {

struct UnfinishedUpload {
  std::string id;  // short, stable: for the command line
  std::string journal_path;
  std::optional<PutJournal> journal;  // nothing when it cannot be read
  bool source_unchanged = false;      // the file is there and looks the same
};

/// The id of the upload whose journal has, or would have, this path.
std::string upload_id(const std::string& journal_path);

/// Oldest first. Errors: those of the directory, but a missing one is an empty list.
Result<std::vector<UnfinishedUpload>> list_unfinished(const Context& context);

}  // namespace holdfast::transfer
