// What an upload begins with, whichever way it takes: who the file is, how it is cut, and its key.
#pragma once

#include "holdfast/core/base/secret.h"
#include "holdfast/core/immutable/geometry.h"
#include "holdfast/node/transfer/put_journal.h"

namespace holdfast::transfer {

struct Prepared {
  PutJournal journal;
  immutable::Geometry geometry;
  std::string journal_path;
  bool begun_before = false;  // by this node
};

/// Who only asks what would happen leaves nothing behind.
enum class Purpose { upload, plan };

/// Identity, geometry, and the key: from the journal or by the first pass, which is then written down.
/// Errors: those of reading the file; changed; cancelled.
io::Task<Result<Prepared>> prepare(const Context& context, SourceIdentity source, const UploadOptions& options,
                                   Purpose purpose, Progress& progress);

/// Of the upload secrets of all peers.
Secret master_of(const Context& context, const PutJournal& journal);

std::string cap_of(const PutJournal& journal, const Hash& ueb_hash);

}  // namespace holdfast::transfer
