// Looking at what a server holds before it counts: the extension block and a random block with its chain.
#pragma once

#include "holdfast/core/immutable/encoder.h"
#include "holdfast/node/transfer/context.h"

namespace holdfast::transfer {

/// Reads back the tail (hash chain and URI extension block), one random block that touches `unsent`, and the
/// block-tree nodes on its path, and compares them with the client's own. Needs a finished encoder.
/// Errors: corrupt (the server holds something else: it is told so, and named), or why it could not be read.
io::Task<Result<void>> prove_share(const Context& context, immutable::Encoder& encoder, grid::StorageServer& server,
                                   const StorageIndex& si, ShareNumber share, RangeSet unsent);

}  // namespace holdfast::transfer
