// Is it one server that is silent, or the link?
#pragma once

#include <vector>

#include "holdfast/node/grid/storage_server.h"

namespace holdfast::transfer {

/// Asks all of them at once for their version; one answer is enough. False when none answers in its time.
io::Task<bool> somebody_answers(std::vector<grid::StorageServer*> servers);

}  // namespace holdfast::transfer
