// Ciphertext that lies in a file: what a helper encodes.
#pragma once

#include <memory>
#include <string>

#include "holdfast/node/transfer/segment_source.h"

namespace holdfast::transfer {

/// `path` holds the whole ciphertext; `pieces` is the digest over the digests of its pieces of 1 MiB (core/resume), which the pass
/// must give: the source is proven by it. Errors: corrupt (the file is not what was received), io.
std::unique_ptr<SegmentSource> make_ciphertext_source(const Context& context, std::string path,
                                                      const immutable::Geometry& geometry, const Hash& pieces);

}  // namespace holdfast::transfer
