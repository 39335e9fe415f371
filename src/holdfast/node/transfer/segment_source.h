// Where an upload's segments come from: a file for put, the grid itself for repair.
#pragma once

#include <memory>

#include "holdfast/core/base/buffer.h"
#include "holdfast/core/base/ids.h"
#include "holdfast/core/cap/derive.h"
#include "holdfast/core/crypto/sha256.h"
#include "holdfast/core/immutable/geometry.h"
#include "holdfast/node/transfer/context.h"
#include "holdfast/node/transfer/put_journal.h"

namespace holdfast::transfer {

/// The port. Segments have their real length; the last one may be short.
class SegmentSource {
 public:
  virtual ~SegmentSource() = default;
  /// The segments in order, each once: this pass is what `prove` speaks of.
  virtual io::Task<Result<Buffer>> next() = 0;
  /// Any segment again, for a share that lags behind. Errors: changed when it is not what it was.
  virtual io::Task<Result<Buffer>> again(SegmentNumber segment) = 0;
  /// After the last segment: it was the content that the key stands for. Errors: changed.
  virtual io::Task<Result<void>> prove() = 0;
};

/// Tells the identity of a regular file now. Errors: not_found, unauthorized, unsupported (not a regular file), io.
Result<SourceIdentity> identify(io::FileSystem& files, const std::string& path);

/// What the first pass over a file yields.
struct FirstPass {
  cap::Key key;                     // convergent
  std::vector<Hash> piece_digests;  // random key: SHA-256 of each plaintext segment
};
io::Task<Result<FirstPass>> hash_file(const Context& context, const SourceIdentity& source,
                                      const UploadOptions& options, const immutable::Geometry& geometry,
                                      std::uint64_t& hashed_bytes);

/// A file whose key is known. Convergent: the pass is hashed again and must give that key. Random key: each
/// segment must have its digest before anything made of it leaves.
std::unique_ptr<SegmentSource> make_file_source(const Context& context, const PutJournal& journal,
                                                const immutable::Geometry& geometry);

}  // namespace holdfast::transfer
