// What a sender says about its bytes before they come: digests that are compared when they are here (RFC 9530).
#pragma once

#include "holdfast/node/gateway/upload_answers.h"

namespace holdfast::gateway {

/// Of the whole file: Repr-Digest, or Holdfast-Expect-SHA256 in hexadecimal.
void read_claims(const http::Exchange& exchange, UploadAbout& about);
/// Content-Digest is of this body alone: its bytes count when it is right.
void read_content_digest(const http::Exchange& exchange, AppendWish& wish);

}  // namespace holdfast::gateway
