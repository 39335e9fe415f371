// Standard input as a file, since an upload reads its source twice and again after a cut. What came through it exists nowhere
// else, so a spool that is whole goes only when it is stored, or when its owner gives it up.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "holdfast/cli/world.h"
#include "holdfast/node/transfer/uploader.h"

namespace holdfast::cli {

/// A whole spool. Its name says how it is to be put, since there is no journal before it is hashed, and for little none at all.
struct Spool {
  std::string path;                 // canonical
  transfer::UploadOptions options;  // what a journal keeps of them
  std::uint64_t bytes = 0;
  std::int64_t whole_wall_seconds = 0;  // since when
};

/// Nobody else sends or removes a spool that is held; closing lets go of it.
using HeldSpool = std::unique_ptr<io::File>;
/// Errors: conflict when another process holds it, not_found when that has just stored it, io.
Result<HeldSpool> hold_spool(io::FileSystem& files, const std::string& path);

struct NewSpool {
  std::string path;
  HeldSpool held;
};
/// Reads standard input to its end into a new file of `directory` (mode 0600), synced: it must outlive a crash for the
/// upload to go on. Errors: no_space, io; cancelled. What was spooled is removed then.
io::Task<Result<NewSpool>> spool_standard_input(World& world, std::string directory, transfer::UploadOptions options);

/// A file in `directory` itself, with a name as spools have it.
bool is_spool(const std::string& directory, const std::string& path);
/// The whole ones. Errors: those of the directory, but a missing one is an empty list.
Result<std::vector<Spool>> list_spools(io::FileSystem& files, const std::string& directory);
/// Removes what a process left that died while it read standard input.
void clean_spools(io::FileSystem& files, const std::string& directory);

}  // namespace holdfast::cli
