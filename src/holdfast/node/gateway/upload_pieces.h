// What a sender compares before it skips anything, and how it mends what is wrong (design 4).
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// GET ?digests&first=&count=: SHA-256 of each piece of 1 MiB of what is durable.
io::Task<void> tell_digests(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle);
/// PUT ?piece=N: one whole piece, in place.
io::Task<void> replace_piece(const UploadDesk& desk, WebRequest request, UploadHandlePtr handle);

}  // namespace holdfast::gateway
