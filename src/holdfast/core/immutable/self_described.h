// What a share says about its file by itself, for those who have no cap.
#pragma once

#include "holdfast/core/immutable/uri_extension.h"

namespace holdfast::immutable {

/// The geometry as far as shares show it: segments, blocks, trees. needed_shares, total_shares and size are redundant for
/// readers, and some writers leave them out: then codec_params, tail_codec_params and num_segments say the same, but for
/// the padding of the last segment, which counts as if it were file. Errors: not_found (too little is said), corrupt
/// (what is said cannot be).
Result<Geometry> self_described_geometry(const UriExtension& extension);

}  // namespace holdfast::immutable
