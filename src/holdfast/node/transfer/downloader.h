// get: a file, or a part of it, from the grid; verified before a byte leaves.
#pragma once

#include <optional>
#include <string>

#include "holdfast/core/cap/cap.h"
#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

/// Where verified plaintext goes, in order and without gaps.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual io::Task<Result<void>> write(ByteView bytes) = 0;
};

struct DownloadOptions {
  std::optional<Range> range;  // of the file, not empty; clipped to its end; nothing: all of it
  Patience patience;
};

/// To a stream (stdout). Short is an error.
/// Errors: not_enough_shares (says how many of how many, and who is missing), corrupt (the file itself is bad),
/// unavailable or timeout (patience ran out), unsupported (not a file cap), malformed (the range begins behind the end), no_space,
/// io, cancelled.
io::Task<Result<DownloadReport>> download(const Context& context, cap::Cap cap, Sink& sink, DownloadOptions options,
                                          Progress& progress);

/// What stands in the way of download_file, and can be said without asking anybody. Errors: unsupported (also when `path` is a
/// directory), malformed (the range begins behind the end).
Result<void> check_download_file(io::FileSystem& files, const cap::Cap& cap, const std::string& path,
                                 const DownloadOptions& options);

/// To `path`: collects in `path`.part (of a range: `path`.A-B.part), which a later call proves segment by segment against the
/// file's hash tree before it trusts them, and renames it when everything is there and synced. A cancelled or broken download
/// leaves the part file. An existing `path` is replaced only at the end. Errors: also conflict (somebody else fills that part
/// file, or may read it when `path` is not for everybody).
io::Task<Result<DownloadReport>> download_file(const Context& context, cap::Cap cap, std::string path,
                                               DownloadOptions options, Progress& progress);

}  // namespace holdfast::transfer
