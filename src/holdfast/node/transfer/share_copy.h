// One share on one server, being read: opened, its hashes and blocks fetched and checked.
#pragma once

#include <optional>

#include "holdfast/core/immutable/share_reader.h"
#include "holdfast/edge/io/waiting.h"
#include "holdfast/node/transfer/link.h"

namespace holdfast::transfer {

class ShareCopy {
 public:
  ShareCopy(const Context& context, Link& link, const StorageIndex& si, grid::StorageServer& from,
            immutable::FileState& file, ShareNumber share)
      : server(from), reader(file, share), context_(context), link_(link), si_(si), hashes_(context.loop, 1) {}

  grid::StorageServer& server;
  immutable::ShareReader reader;
  bool bad = false;                    // corrupt or incompatible: never again
  std::optional<io::Time> down_since;  // a transport failure; may come back
  std::optional<double> speed;         // bytes per second, lately, as far as it is known
  unsigned busy = 0;                   // batches that wait for it
  unsigned cuts = 0;                   // connections that broke and were gone on from
  std::optional<Error> file_error;     // the file itself is bad, whoever has it

  /// Proves its place in the file. Does nothing when it is open. Errors: as below.
  io::Task<Result<void>> open();
  /// Makes the hashes of segments [first, end) known to the reader. Several calls may be under way.
  /// Errors: corrupt, not_found, unavailable, timeout, cancelled.
  io::Task<Result<void>> fetch_hashes(SegmentNumber first, SegmentNumber end);
  /// And their blocks, checked. `bytes` may hold the beginning already, and keeps what came when it fails. What is
  /// corrupt is reported to the server.
  io::Task<Result<Buffer>> fetch_blocks(SegmentNumber first, SegmentNumber end, grid::Arriving& bytes);

 private:
  io::Task<Result<void>> open_once();
  io::Task<Result<void>> nodes(SegmentNumber first, SegmentNumber end);
  io::Task<void> nodes_into(SegmentNumber first, SegmentNumber end, Result<void>* out);
  io::Task<void> bytes_into(Range range, grid::Arriving* bytes, Result<void>* out);

  const Context& context_;
  Link& link_;
  const StorageIndex si_;
  io::Semaphore hashes_;  // opening it, and hashes of one run of segments, at a time
};

}  // namespace holdfast::transfer
