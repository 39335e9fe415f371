// Standard input as a file, since an upload reads its source twice and again after a cut.
#pragma once

#include <string>
#include <vector>

#include "holdfast/cli/world.h"
#include "holdfast/node/transfer/unfinished.h"

namespace holdfast::cli {

/// Reads standard input to its end into a new file of `directory` (mode 0600), synced: it must outlive a crash for the
/// upload to go on. Errors: no_space, io; cancelled. What was spooled is removed then.
io::Task<Result<std::string>> spool_standard_input(World& world, std::string directory);
bool is_spool(const std::string& path);
/// Removes spools in `directory` that no unfinished upload names.
void clean_spools(io::FileSystem& files, const std::string& directory,
                  const std::vector<transfer::UnfinishedUpload>& uploads);

}  // namespace holdfast::cli
