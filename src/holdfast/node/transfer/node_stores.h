// Where the hashes of very large files live: memory up to a bound, beyond it an unlinked temporary file.
#pragma once

#include "holdfast/core/immutable/encoder.h"
#include "holdfast/edge/io/file_system.h"

namespace holdfast::transfer {

/// Stores of more than immutable::kHashBytesInMemoryMax go to files in `directory`, which must exist. The factory and
/// its stores use `files` from worker threads. A store that cannot be made answers every call with that error.
immutable::NodeStoreFactory make_node_stores(io::FileSystem& files, std::string directory);

}  // namespace holdfast::transfer
