// put: one file to the grid. Starting the same upload again is resuming it.
#pragma once

#include <string>

#include "holdfast/node/transfer/aborted.h"
#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/progress.h"

namespace holdfast::transfer {

enum class KeyMode { convergent, random };

struct UploadOptions {
  unsigned k = 3, happy = 7, n = 10;
  std::uint64_t segment_bytes_max = 1'048'576;
  KeyMode key_mode = KeyMode::convergent;
  Proof proof = Proof::full;  // of what a helper makes of the file
  Patience patience;
  std::optional<Hash> content_sha256;  // what the file must be; other content is `corrupt`, and nothing of it leaves
  /// Called once, when the cap is proven with a happiness of `happy`, even if stragglers are still being sent to.
  std::function<void(const std::string& cap)> on_proven;
  /// Called once before the journal goes. False: the cap did not reach whom it is for, so the journal stays, with a random key
  /// that is nowhere else: the same call comes to the same cap.
  std::function<bool(const UploadReport& report)> on_stored;
};

/// Errors: malformed.
Result<void> check_options(const UploadOptions& options);

/// Uploads the regular file at `path`, through a helper of the context where one will do. Literal caps (55 bytes and less)
/// need no network.
/// Errors: changed (the file changed meanwhile: start again), unhappy (too few servers took shares),
/// unavailable or timeout (patience ran out), unauthorized (every server presents a wrong certificate),
/// not_found / unauthorized / io (reading the file), cancelled (what is sent stays: the same call goes on).
/// `progress` is updated in place until the task ends.
io::Task<Result<UploadReport>> upload_file(const Context& context, std::string path, UploadOptions options,
                                           Progress& progress);

/// What upload_file would send, skip and place. Reads the file once (for its key), changes nothing. It does not wait for servers.
/// Errors: as above; unavailable (no server answers now).
io::Task<Result<UploadPlan>> plan_upload(const Context& context, std::string path, UploadOptions options,
                                         Progress& progress);

/// Gives an unfinished upload up: aborts its partial shares on every server that answers and removes its
/// journal.
io::Task<Result<Aborted>> cancel_upload(const Context& context, const std::string& journal_path);

}  // namespace holdfast::transfer
