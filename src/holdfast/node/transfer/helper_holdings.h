// What helpers hold of an upload: asked without beginning anything.
#pragma once

#include <optional>

#include "holdfast/node/transfer/prepared_upload.h"

namespace holdfast::transfer {

/// One run of a transfer, as a helper knows it.
std::string random_client_id(Random& random);
grid::HelperIdentity identity_at(const grid::UploadHelper& helper, const Secret& master, const std::string& client_id);

/// What each helper of the context says, in their order: nothing where no answer came within `limit`, or long after the first one;
/// `receiving` without a path where it holds nothing.
io::Task<std::vector<std::optional<protocol::HelperState>>> ask_helpers(const Context& context,
                                                                        const PutJournal& journal,
                                                                        std::string client_id, io::Duration limit);

/// Drops what helpers hold of an unfinished upload; how many did.
io::Task<unsigned> drop_at_helpers(const Context& context, const PutJournal& journal);

}  // namespace holdfast::transfer
