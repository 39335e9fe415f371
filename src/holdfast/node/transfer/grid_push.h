// The shares of one file to the grid, wherever its segments come from: put, repair and the helper do the same from here on.
#pragma once

#include "holdfast/node/transfer/segment_source.h"
#include "holdfast/node/transfer/share_placer.h"

namespace holdfast::transfer {

struct PushPlan {
  StorageIndex si;
  Secret master;  // of the upload secrets
  immutable::Geometry geometry;
  const cap::Key* key = nullptr;    // nothing: the source gives ciphertext
  std::optional<Bytes> original{};  // the extension block that the file has already, kept byte for byte (repair)
  bool begun_before = false;        // by this node
  CopyProof proof{};                // see PushJob
  SharePlacer::Wishes wishes{};     // on_happy is set by push_shares
  /// Once, when a happiness of `happy` is proven, even if stragglers are still being sent to.
  std::function<void(const Hash& ueb_hash)> on_happy{};
};

/// What came of it; filled as far as it went when it failed.
struct Pushed {
  Bytes uri_extension;
  std::map<ShareNumber, std::vector<grid::StorageServer*>> placed;  // proven copies
  std::map<const grid::StorageServer*, std::uint64_t> sent_to;      // share bytes
  std::uint64_t share_bytes_total = 0;                              // N shares
  std::uint64_t bytes_sent = 0, bytes_resent = 0, bytes_skipped = 0, cuts = 0;
  unsigned happiness = 0;
  unsigned foreign = 0;   // copies that are there already, and of something else
  UnsoundCopies unsound;  // that servers say to hold
  std::vector<std::string> warnings;
};

/// Encodes what `source` gives and pushes it until every share is proven, or `happy` is reached and the rest stays silent.
/// Errors: those of the source; unhappy, unavailable, timeout, unauthorized (see upload_file); cancelled.
io::Task<Result<void>> push_shares(const Context& context, PushPlan plan, SegmentSource& source, Progress& progress,
                                   Pushed& out);

}  // namespace holdfast::transfer
